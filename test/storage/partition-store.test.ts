// Rows, and files on the virtual disk, against the exported suite; and what the row store has beyond the port.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sealedBatch } from '../../bindings/storage/conformance/batches.ts'
import type { PartitionStoreFixture } from '../../bindings/storage/conformance/partition-log.ts'
import { partitionStoreConformance } from '../../bindings/storage/conformance/partition-store-suite.ts'
import { MemoryRowStore } from '../../bindings/storage/drivers/memory-rows.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { runTask } from '../../bindings/storage/run-task.ts'

function overRows(): PartitionStoreFixture {
  let latest = new MemoryRowStore()
  return {
    open: () => {
      latest = latest.reopen()
      return latest
    },
    crash: () => {
      latest = latest.crash()
    },
    dispose: () => undefined,
  }
}

const conforms = suite('memory-rows')
for (const one of partitionStoreConformance(overRows)) conforms(one.name, one.run)
conforms.run()

const id = { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', topic: 'orders', partition: 0 }
const nothing = { durable: [], decisions: [], ceilings: [], producerIdsEnd: undefined }

async function opened(options: { capacityBytes?: number } = {}): Promise<MemoryRowStore> {
  const store = new MemoryRowStore(options)
  await runTask(store.open())
  await runTask(store.create(id))
  await runTask(store.activate(id))
  return store
}

const strict = suite('memory-rows, beyond the port')

strict('a row outside a committed transaction is lost in a crash', async () => {
  const store = await opened()
  store.append(id, sealedBatch({ baseOffset: 0 }))
  const after = store.crash()
  assert.is((await runTask(after.open())).partitions[0]?.nextOffset, 0)
})

strict('a crash before the transaction runs leaves nothing of it, after it all', async () => {
  const store = await opened()
  store.append(id, sealedBatch({ baseOffset: 0 }))
  const task = store.commit({ ...nothing, durable: [id], producerIdsEnd: 9 })
  const step = task.next()
  assert.is((await runTask(store.crash().open())).nextProducerId, 0)
  if (!step.done && 'run' in step.value) await step.value.run()
  const state = await runTask(store.crash().open())
  assert.is(state.nextProducerId, 9)
  assert.is(state.partitions[0]?.nextOffset, 1)
})

strict('nothing may be appended behind a decision that is under way', async () => {
  const store = await opened()
  const task = store.commit({ ...nothing, decisions: [{ ...sealedBatch({ baseOffset: 0 }), id }] })
  task.next()
  assert.throws(() => store.append(id, sealedBatch({ baseOffset: 1 })), /a decision is under way/)
})

strict('an offset that is given can not be given again, nor any decision of a set that holds such a one', async () => {
  const store = await opened()
  store.append(id, sealedBatch({ baseOffset: 0, recordCount: 2 }))
  assert.throws(() => store.append(id, sealedBatch({ baseOffset: 1 })), /offset 1 is given already, the next is 2/)
  const decisions = [2, 2].map((baseOffset) => ({ ...sealedBatch({ baseOffset }), id }))
  let refused: unknown
  await runTask(store.commit({ ...nothing, decisions })).catch((error: unknown) => {
    refused = error
  })
  assert.match(String(refused), /offset 2 is given already, the next is 3/)
  store.append(id, sealedBatch({ baseOffset: 2 }))
})

strict('rows beyond the capacity are refused with nothing appended', async () => {
  const store = await opened({ capacityBytes: 150 })
  store.append(id, sealedBatch({ baseOffset: 0 }))
  const large = sealedBatch({ baseOffset: 1, valueBytes: 200 })
  assert.throws(
    () => store.append(id, large),
    (error: { code: string }) => error.code === 'STORAGE_FULL',
  )
  assert.is(store.read(id, 1, new Uint8Array(1000)), 0)
})

strict('what was there at the open is read after prepareRead only', async () => {
  const before = await opened()
  before.append(id, sealedBatch({ baseOffset: 0 }))
  await runTask(before.close())
  const store = before.reopen()
  await runTask(store.open())
  assert.not(store.isActive(id))
  assert.throws(() => store.append(id, sealedBatch({ baseOffset: 1 })), /not active/)
  await runTask(store.activate(id))
  assert.is(store.read(id, 0, new Uint8Array(1000)), undefined)
  await runTask(store.prepareRead(id))
  assert.ok((store.read(id, 0, new Uint8Array(1000)) ?? 0) > 0)
})

strict.run()
