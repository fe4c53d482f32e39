// The suite of stores of partitions: each promise of partition-store.ts is broken in turn, and the case that is meant
// has to tell.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ConformanceCase } from '../../bindings/storage/conformance/case.ts'
import { partitionStoreConformance } from '../../bindings/storage/conformance/partition-store-suite.ts'
import { MemoryRowStore } from '../../bindings/storage/drivers/memory-rows.ts'
import type { PartitionStore } from '../../bindings/storage/partition-store.ts'
import type { Mutable } from './lies/lie.ts'
import { PARTITION_LIES, type PartitionLie } from './lies/partition-lies.ts'

/** All that the engine calls, each of which a lie may replace. */
function lyingStore(honest: MemoryRowStore, lie: PartitionLie['lie']): PartitionStore {
  const lying: Mutable<PartitionStore> = {
    capabilities: honest.capabilities,
    decisionBytesMax: honest.decisionBytesMax,
    open: () => honest.open(),
    create: (id) => honest.create(id),
    remove: (id) => honest.remove(id),
    isActive: (id) => honest.isActive(id),
    activate: (id) => honest.activate(id),
    append: (id, batch) => honest.append(id, batch),
    read: (id, offset, into) => honest.read(id, offset, into),
    prepareRead: (id) => honest.prepareRead(id),
    abortedBetween: (id, from, to) => honest.abortedBetween(id, from, to),
    seekTimestamp: (id, timestamp) => honest.seekTimestamp(id, timestamp),
    ranges: (id) => honest.ranges(id),
    seal: () => honest.seal(),
    deleteBefore: (id, offset) => honest.deleteBefore(id, offset),
    compactable: (id) => honest.compactable(id),
    rewrite: (id, from, to) => honest.rewrite(id, from, to),
    cleaned: (id, offset) => honest.cleaned(id, offset),
    locate: (id, offset) => honest.locate(id, offset),
    canCommit: () => honest.canCommit(),
    commit: (set) => honest.commit(set),
    maintenanceIsDue: () => honest.maintenanceIsDue(),
    maintenance: () => honest.maintenance(),
    close: () => honest.close(),
    abandon: () => honest.abandon(),
  }
  lie(lying, honest)
  return lying
}

function casesOver(lie: PartitionLie['lie']): readonly ConformanceCase[] {
  return partitionStoreConformance(() => {
    let latest = new MemoryRowStore()
    return {
      open() {
        latest = latest.reopen()
        return lyingStore(latest, lie)
      },
      crash() {
        latest = latest.crash()
      },
      dispose() {},
    }
  })
}

test('a store that keeps every promise passes', async () => {
  for (const one of casesOver(() => {})) await one.run()
})

for (const [name, { by, lie }] of Object.entries(PARTITION_LIES)) {
  test(name, async () => {
    const [meant, ...others] = casesOver(lie).filter((each) => each.name.startsWith(by))
    assert.ok(meant !== undefined && others.length === 0, `one case "${by}"`)
    const told = await meant.run().then(
      () => undefined,
      (error: unknown) => error,
    )
    assert.ok(told !== undefined, 'the case does not tell')
  })
}

test.run()
