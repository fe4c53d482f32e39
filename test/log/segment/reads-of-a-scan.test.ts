// A scan reads each byte of a segment once, and of each fetch's first header a second time: no window of headers, no
// look in an index in between.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MemoryStore } from '../../../bindings/storage/drivers/memory.ts'
import type { StoreFile } from '../../../bindings/storage/file-store.ts'
import { Random } from '../../kernel/support.ts'
import { fill, Model } from './model.ts'
import { newContext, newList, read } from './support.ts'

const BATCH_HEADER_BYTES = 61
const FETCH_BYTES = 2000

/** Notes how many bytes each read of a file asks for. */
class WatchedStore extends MemoryStore {
  readonly asked: number[] = []

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (file === undefined) return undefined
    const readFile = file.read.bind(file)
    file.read = (into, position) => {
      this.asked.push(into.length)
      return readFile(into, position)
    }
    return file
  }
}

test('a fetch that goes on where the last one ended is one look at a header and one read of batches', () => {
  const store = new WatchedStore()
  const large = { segmentBytes: 1 << 20, segmentMs: 1e9 }
  const list = newList(newContext(store), large)
  const model = new Model(new Random(5))
  fill(list, model, 60)
  const into = new Uint8Array(FETCH_BYTES)
  const offsetAfter = (sizeBytes: number): number => {
    let end = 0
    return model.batches.find((batch) => {
      end += batch.bytes.length
      return end === sizeBytes
    })?.nextOffset as number
  }
  let sizeBytes = read(list, 0, into)
  let fetches = 0
  while (sizeBytes < list.sizeBytes) {
    store.asked.length = 0
    const count = read(list, offsetAfter(sizeBytes), into)
    assert.ok(count > 0)
    assert.equal(store.asked, [BATCH_HEADER_BYTES, Math.min(FETCH_BYTES, list.sizeBytes - sizeBytes)])
    sizeBytes += count
    fetches++
  }
  assert.ok(fetches > 3, `${fetches} fetches`)
})

test.run()
