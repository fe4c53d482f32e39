import { runTask } from '../../run-task.ts'
import { check, failure, same } from '../case.ts'
import { expectRead, find, join, orders, orders1, type PartitionCases } from './expectations.ts'

export const openCases: PartitionCases = {
  async 'open: an empty place is clean and holds nothing'(log) {
    const { partitions, report } = await log.open()
    same(partitions.length, 0, 'partitions')
    same(report.clean, true, 'clean')
    check(Object.isFrozen(log.store.capabilities), 'the manifest to be frozen')
  },
  async 'open: a second holder is refused while the first is open, and served after its close'(log) {
    await log.open()
    if (!log.store.capabilities.exclusiveLock) return
    const first = log.store
    await failure(() => log.open(), 'a second open', 'DIRECTORY_IN_USE')
    await runTask(first.close())
    same((await log.open()).report.clean, true, 'clean')
  },
  async 'open: after a clean close everything is as it was, and the epoch stays'(log) {
    const { leaderEpoch } = await log.open()
    await log.create(orders, orders1)
    const first = log.append(orders, { recordCount: 3, timestamp: 50 })
    const second = log.append(orders, { timestamp: 20 })
    await log.commit({ durable: [orders], ceilings: [{ id: orders, ceiling: 1000 }] })
    const state = await log.reopen()
    same(state.report.clean, true, 'clean')
    same(state.leaderEpoch, leaderEpoch, 'leader epoch')
    const stored = find(state, orders)
    same(stored.nextOffset, 4, 'next offset: the end, not the ceiling')
    same(stored.maxTimestamp, 50, 'greatest timestamp')
    same(stored.readOnly, false, 'read only')
    same(stored.id, orders, 'identity')
    same(find(state, orders1).nextOffset, 0, 'next offset of the empty one')
    await expectRead(log, orders, 0, join(first, second))
  },
  async 'open: the windows of the producers are complete up to the end'(log) {
    await log.open()
    await log.create(orders)
    for (let index = 0; index < 7; index++) {
      log.append(orders, {
        recordCount: 2,
        producerId: 7,
        producerEpoch: 0,
        baseSequence: (2 ** 31 - 5 + index * 2) % 2 ** 31,
        timestamp: index,
      })
    }
    log.append(orders, { producerId: 8, producerEpoch: 3, baseSequence: 4 })
    log.append(orders, { producerId: 8, producerEpoch: 4, baseSequence: 0 })
    log.append(orders)
    await log.commit({ durable: [orders] })
    const expected = [...log.producers(orders)]
    const seven = expected.find((window) => window.producerId === 7)?.batches
    same(
      seven?.map((batch) => [batch.firstSequence, batch.lastSequence]),
      [
        [2147483647, 0],
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
      ],
      'the five newest batches, over the wrap',
    )
    for (const state of [await log.reopen(), await log.crash()]) {
      const seen = [...find(state, orders).producers].sort((a, b) => a.producerId - b.producerId)
      same(seen, expected, 'windows')
    }
  },
}
