import * as assert from 'uvu/assert'
import { segmentFileName } from '../../../bindings/log/files/file-names.ts'
import type { SegmentList } from '../../../bindings/log/segment/segment-list.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { BatchWish } from '../../../bindings/storage/conformance/batches.ts'
import type { SealedBatch } from '../../../bindings/storage/partition-store.ts'
import type { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { type Random, toHex } from '../../kernel/support.ts'
import { runNow } from '../support.ts'
import { append, DIRECTORY, join, read } from './support.ts'

export const path = (offset: number, suffix: 'log' | 'index' | 'timeindex'): string =>
  `${DIRECTORY}/${segmentFileName(offset, suffix)}`

export function content(disk: VirtualDisk, name: string): Uint8Array | undefined {
  const file = disk.open(name, { create: false })
  if (file === undefined) return undefined
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  return bytes
}

export function overwrite(disk: VirtualDisk, name: string, bytes: Uint8Array): void {
  const file = disk.open(name, { create: true })
  file?.truncate(0)
  file?.write(bytes, 0)
  file?.close()
}

export function errorOf(work: () => unknown): LogError | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (!LogError.is(error)) throw error
    return error
  }
}

/** Batches of all kinds: 1 to 4 records, sizes and times that go up and down, sometimes a gap under a new epoch. */
export class Model {
  readonly batches: SealedBatch[] = []
  readonly #random: Random
  nextOffset = 0
  #epoch = 0
  #time = 5000

  constructor(random: Random) {
    this.#random = random
  }

  next(gaps = true): BatchWish {
    const random = this.#random
    if (gaps && random.next() % 20 === 0) {
      this.nextOffset += random.next() % 50
      this.#epoch++
    }
    this.#time += (random.next() % 60) - 20
    const [baseOffset, leaderEpoch, timestamp] = [this.nextOffset, this.#epoch, this.#time]
    return { baseOffset, leaderEpoch, timestamp, recordCount: 1 + (random.next() % 4), valueBytes: random.next() % 90 }
  }

  took(batch: SealedBatch): void {
    this.batches.push(batch)
    this.nextOffset = batch.nextOffset
  }

  /** All batches from the one that holds `offset` on. */
  from(offset: number): readonly SealedBatch[] {
    return this.batches.slice(this.batches.findIndex(({ nextOffset }) => nextOffset > offset))
  }
}

export function fill(list: SegmentList, model: Model, count: number): void {
  for (let index = 0; index < count; index++) model.took(append(list, model.next()))
}

/** Every offset, gaps included, gives the bytes of its batch and what follows. */
export function assertReads(list: SegmentList, { batches, nextOffset, from }: Model, note = ''): void {
  const into = new Uint8Array(700)
  for (let offset = 0; offset < nextOffset; offset++) {
    const wanted = join(from.call({ batches } as Model, offset))
    const count = read(list, offset, into)
    assert.ok(count > 0, `${note}: ${count} bytes at ${offset}`)
    assert.is(toHex(into.subarray(0, count)), toHex(wanted.subarray(0, count)), `${note}: bytes at ${offset}`)
  }
  assert.is(read(list, nextOffset, into), 0, `${note}: the end`)
}

export function assertSeeks(list: SegmentList, { batches }: Model, note = ''): void {
  for (let timestamp = 4900; timestamp < 8000; timestamp += 37) {
    const first = batches.find(({ maxTimestamp }) => maxTimestamp >= timestamp)
    const found = runNow(list.seekTimestamp(timestamp))
    assert.is(found === undefined, first === undefined, `${note}: anything at or after ${timestamp}`)
    if (first !== undefined && found !== undefined)
      assert.ok(found <= first.baseOffset, `${note}: ${found} for ${timestamp}, first ${first.baseOffset}`)
  }
}
