// A close that fails releases the store all the same: whoever opens it next must not find it held by nobody.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openDriver } from '../../../bindings/entry/node.ts'
import { MemoryStore } from '../../../bindings/storage/drivers/memory.ts'
import type { StoreFile } from '../../../bindings/storage/file-store.ts'

class Unclosable extends MemoryStore {
  isWilling = true

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (file === undefined) return undefined
    const close = file.close.bind(file)
    file.close = () => {
      close()
      if (!this.isWilling) throw new TypeError(`${path} can't be closed`)
    }
    return file
  }
}

test('a log whose files throw as they are closed gives up its lock and its store', async () => {
  const store = new Unclosable()
  const log = await openDriver(store)
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'v' })
  store.isWilling = false
  const refusal: unknown = await log.close().catch((error: unknown) => error)
  assert.instance(refusal, TypeError)
  const again = await openDriver(store.reopen())
  for await (const { offset } of again.read('t', { until: 'end' })) assert.is(offset, 0)
  await again.close()
})

test.run()
