// Rows, and files on the virtual disk, against the exported suite; and what the row store has beyond the port.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import type { KernelBuffer } from '../../bindings/kernel/kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { encodeCatalogueEntry } from '../../bindings/log/catalogue/catalogue-codec.ts'
import type { CatalogueEntry } from '../../bindings/log/catalogue/catalogue-entry.ts'
import { CATALOGUE_TOPIC, INTERNAL_TOPIC_IDS } from '../../bindings/log/catalogue/topic-ids.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { sealedBatch } from '../../bindings/storage/conformance/batches.ts'
import {
  type PartitionChange,
  PartitionLog,
  type PartitionStoreFixture,
} from '../../bindings/storage/conformance/partition-log.ts'
import { partitionStoreConformance } from '../../bindings/storage/conformance/partition-store-suite.ts'
import { MemoryRowStore } from '../../bindings/storage/drivers/memory-rows.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

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

/** Small rings, so that the many commits of a case go around them. */
const options = {
  ringFileBytes: 16384,
  ringFiles: 2,
  ringFilesUsual: 2,
  ringFilesMax: 8,
  openFilesMax: 64,
  random: () => 0.5,
}

const catalogueId = { topicId: INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC] ?? '', topic: CATALOGUE_TOPIC, partition: 0 }

/** The record of the catalogue that tells of the change: the file store asks it at open which directories are alive. */
function entryOf({ kind, id, logStartOffset }: PartitionChange): CatalogueEntry {
  const { topicId, topic: name, partition } = id
  if (kind === 'removed') return { kind: 'topic-deleted', topicId, name, partitions: partition + 1 }
  if (kind === 'log-start-moved') return { kind, topicId, partition, logStartOffset }
  return partition === 0
    ? { kind: 'topic-created', topicId, name, partitions: 1, config: {} }
    : { kind: 'partitions-added', topicId, partitions: partition + 1 }
}

function overFiles(mode: ImageMode): PartitionStoreFixture & { namesIn(directory: string): readonly string[] } {
  let disk = new VirtualDisk()
  const kernel = createKernel(loadKernelModule(), { capBytes: 16 << 20 })
  const buffer = kernel.allocate(65536) as KernelBuffer
  return {
    open: (source) => {
      disk = new VirtualDisk(disk.root)
      return new FilePartitionStore(disk, createKernel(loadKernelModule(), { capBytes: 16 << 20 }), source, options)
    },
    crash: () => {
      disk = disk.image(new Random(1), mode)
    },
    dispose: () => undefined,
    namesIn: (directory) => disk.list(directory),
    async decide(log, change) {
      if (change.id.topicId === catalogueId.topicId) return
      if (!log.has(catalogueId)) await log.create(catalogueId)
      const { key, value } = encodeCatalogueEntry(entryOf(change))
      const baseOffset = log.nextOffset(catalogueId)
      kernel.batchBuilder.begin(buffer, 0)
      kernel.batchBuilder.append(key, value, 1000, undefined)
      const sizeBytes = kernel.batchBuilder.seal({
        baseOffset,
        partitionLeaderEpoch: log.leaderEpoch,
        producerId: -1,
        producerEpoch: -1,
        baseSequence: -1,
        attributes: 0,
      })
      const bytes = buffer.bytes(0, sizeBytes).slice()
      await log.commit({
        decisions: [{ id: catalogueId, bytes, baseOffset, nextOffset: baseOffset + 1, maxTimestamp: 1000 }],
      })
    },
  }
}

const stores = {
  'memory-rows': overRows,
  'files, all that was written survives a crash': () => overFiles('kill'),
  'files, only what was flushed survives a crash': () => overFiles('none'),
  'files, chance decides what survives a crash': () => overFiles('mixed'),
}
for (const [name, create] of Object.entries(stores)) {
  const conforms = suite(name)
  for (const one of partitionStoreConformance(create)) conforms(one.name, one.run)
  conforms.run()
}

const id = { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', topic: 'orders', partition: 0 }
const nothing = { durable: [], decisions: [], ceilings: [], producerIdsEnd: undefined }

async function opened(options: { capacityBytes?: number } = {}): Promise<MemoryRowStore> {
  const store = new MemoryRowStore(options)
  await runTask(store.open())
  await runTask(store.create(id))
  await runTask(store.activate(id))
  return store
}

const removals = suite('files, a crash between the decision that a topic is deleted and the removal of its files')

for (const isNoted of [false, true]) {
  const name = isNoted ? 'a checkpoint in between notes the partition' : 'frames tell of the deletion'
  removals(`${name}: what is left goes`, async () => {
    const fixture = overFiles('kill')
    const log = new PartitionLog(fixture)
    const [gone, other] = ['gone', 'other'].map((topic) => ({
      topicId: `AAAAAAAAAAAAAAAAAAAA${topic[0]}A`,
      topic,
      partition: 0,
    }))
    assert.ok(gone && other)
    const checkpoint = async () => {
      // More than the ring takes.
      for (let count = 0; count < 40; count++) log.append(other, { valueBytes: 1000 })
      assert.ok(log.store.maintenanceIsDue())
      for (let due = log.store.maintenance(); due !== undefined; due = log.store.maintenance()) await runTask(due)
    }
    await log.open()
    await log.create(gone, other)
    // Of acks 1: no frame names it.
    log.append(gone)
    if (isNoted) await checkpoint()
    await fixture.decide?.(log, { kind: 'removed', id: gone, logStartOffset: 0 })
    if (isNoted) await checkpoint()
    const { report } = await log.crash()
    assert.equal(report.damage, [])
    assert.equal(
      fixture.namesIn('').filter((each) => each.startsWith('gone')),
      [],
    )
  })
}

removals.run()

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

strict('nothing may be appended after a decision that is under way', async () => {
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
