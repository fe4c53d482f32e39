import type { Awaitable } from '../file-store.ts'
import type { PartitionIdentity, StoredPartition, StoredState } from '../partition-store.ts'
import { runTask } from '../run-task.ts'
import { type ConformanceCase, check, failure, same, sameBytes } from './case.ts'
import { compactionCases } from './compaction-cases.ts'
import { PartitionLog, type PartitionStoreFixture } from './partition-log.ts'

type Act = (log: PartitionLog) => Promise<void>

/** A partition store is one that passes all of these; the names say which sentence of partition-store.ts each holds it to. */
export function partitionStoreConformance(create: () => Awaitable<PartitionStoreFixture>): readonly ConformanceCase[] {
  const kinds = [openCases, dataCases, commitCases, crashCases, lifeCases, compactionCases]
  return kinds.flatMap(Object.entries<Act>).map(([name, act]) => ({
    name,
    async run(): Promise<void> {
      const fixture = await create()
      try {
        await act(new PartitionLog(fixture))
      } finally {
        await fixture.dispose()
      }
    },
  }))
}

const orders: PartitionIdentity = { topicId: 'AAAAAAAAAAAAAAAAAAAAEQ', topic: 'orders', partition: 0 }
const orders1: PartitionIdentity = { ...orders, partition: 1 }
const ledger: PartitionIdentity = { topicId: 'AAAAAAAAAAAAAAAAAAAAEg', topic: '__ledger', partition: 0 }

function find(state: StoredState, id: PartitionIdentity): StoredPartition {
  const found = state.partitions.find((one) => one.id.topicId === id.topicId && one.id.partition === id.partition)
  check(found !== undefined, `${id.topic}-${id.partition} in the stored state`)
  return found
}

function isStored(state: StoredState, { topicId, partition }: PartitionIdentity): boolean {
  return state.partitions.some(({ id }) => id.topicId === topicId && id.partition === partition)
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

async function expectRead(log: PartitionLog, id: PartitionIdentity, offset: number, wanted: Uint8Array): Promise<void> {
  const seen = await log.read(id, offset)
  check(typeof seen !== 'number', `bytes of ${id.topic}-${id.partition} at ${offset}, not ${String(seen)}`)
  sameBytes(seen, wanted, `${id.topic}-${id.partition} from ${offset}`)
}

async function expectEnd(log: PartitionLog, id: PartitionIdentity, offset: number): Promise<void> {
  same(await log.read(id, offset), 0, `${id.topic}-${id.partition} from ${offset}`)
}

const openCases: Record<string, Act> = {
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

const dataCases: Record<string, Act> = {
  async 'append: readable at once, whole, from the batch that holds the offset'(log) {
    await log.open()
    await log.create(orders)
    const first = log.append(orders, { recordCount: 3 })
    const second = log.append(orders, { recordCount: 2, valueBytes: 100 })
    await expectRead(log, orders, 0, join(first, second))
    await expectRead(log, orders, 2, join(first, second))
    await expectRead(log, orders, 3, second)
    await expectRead(log, orders, 4, second)
    await expectEnd(log, orders, 5)
    await expectEnd(log, orders, 500)
  },
  async 'append: batches that may wait are read like others, whatever comes behind them'(log) {
    await log.open()
    await log.create(orders, orders1)
    const batches = Array.from({ length: 40 }, (_, index) => log.append(orders, {}, index % 10 !== 9))
    const other = log.append(orders1, {}, true)
    await expectRead(log, orders, 0, join(...batches))
    await expectRead(log, orders1, 0, other)
    const late = log.append(orders, {}, true)
    await expectRead(log, orders, 40, late)
    await log.reopen()
    await expectRead(log, orders, 0, join(...batches, late))
    await expectRead(log, orders1, 0, other)
  },
  async 'append: a gap in the offsets is kept, and a read inside it begins behind it'(log) {
    await log.open()
    await log.create(orders)
    const first = log.append(orders)
    await log.commit({ durable: [orders], ceilings: [{ id: orders, ceiling: 100 }] })
    await log.crash()
    same(log.nextOffset(orders), 100, 'next offset')
    const second = log.append(orders)
    await expectRead(log, orders, 0, join(first, second))
    await expectRead(log, orders, 50, second)
  },
  async 'read: as many whole batches as fit; a first one that does not fit is named by its size'(log) {
    await log.open()
    await log.create(orders)
    const batches = [0, 1, 2].map(() => log.append(orders, { valueBytes: 50 }))
    const size = batches[0]?.length ?? 0
    same(((await log.read(orders, 0, 2 * size)) as Uint8Array).length, 2 * size, 'two fit')
    same(((await log.read(orders, 0, 3 * size - 1)) as Uint8Array).length, 2 * size, 'two and a part')
    same(((await log.read(orders, 0, size)) as Uint8Array).length, size, 'one')
    same(await log.read(orders, 0, size - 1), -size, 'none')
  },
  async 'seekTimestamp: a batch at or before the first record at or above the time'(log) {
    await log.open()
    await log.create(orders)
    for (const timestamp of [100, 300, 200, 400]) log.append(orders, { timestamp, recordCount: 2 })
    const wanted: readonly (readonly [timestamp: number, atMost: number])[] = [
      [0, 0],
      [100, 0],
      [101, 2],
      [250, 2],
      [301, 6],
      [400, 6],
    ]
    for (const [timestamp, atMost] of wanted) {
      const offset = await log.seekTimestamp(orders, timestamp)
      check(offset !== undefined && offset <= atMost, `an offset up to ${atMost} for ${timestamp}, not ${offset}`)
    }
    same(await log.seekTimestamp(orders, 401), undefined, 'beyond the last')
  },
  async 'deleteBefore: moves the log start, keeps the end, the batch that spans it, and the windows'(log) {
    await log.open()
    await log.create(orders)
    log.append(orders, { recordCount: 2, producerId: 5, producerEpoch: 0, baseSequence: 0 })
    const second = log.append(orders, { recordCount: 2 })
    await log.commit({ durable: [orders] })
    const windows = [...log.producers(orders)]
    await log.deleteBefore(orders, 3)
    await expectRead(log, orders, 3, second)
    await log.deleteBefore(orders, 4)
    for (const state of [await log.reopen(), await log.crash()]) {
      const stored = find(state, orders)
      same(stored.logStartOffset, 4, 'log start')
      same(stored.nextOffset, 4, 'next offset')
      same([...stored.producers], windows, 'windows')
      await expectEnd(log, orders, 4)
    }
  },
}

const commitCases: Record<string, Act> = {
  async 'commit: of several partitions, decisions, ceilings and ids at once'(log) {
    await log.open()
    await log.create(orders, orders1, ledger)
    const data = log.append(orders)
    const data1 = log.append(orders1)
    const decision = log.batch(ledger, { recordCount: 2 })
    await log.commit({
      durable: [orders, orders1],
      decisions: [{ ...decision, id: ledger }],
      ceilings: [{ id: orders, ceiling: 64 }],
      producerIdsEnd: 1000,
    })
    const state = await log.crash()
    await expectRead(log, orders, 0, data)
    await expectRead(log, orders1, 0, data1)
    await expectRead(log, ledger, 0, decision.bytes)
    same(find(state, orders).nextOffset, 64, 'next offset at the ceiling')
    same(find(state, orders).ceiling, 64, 'ceiling')
    check(state.nextProducerId >= 1000, `no id below 1000 again, but ${state.nextProducerId} is next`)
  },
  async 'commit: decisions are readable when it ends, and not before'(log) {
    await log.open()
    await log.create(ledger)
    const decision = { ...log.batch(ledger), id: ledger }
    const task = log.store.commit({ durable: [], decisions: [decision], ceilings: [], producerIdsEnd: undefined })
    const step = task.next()
    check(!step.done, 'the commit to need an effect')
    await expectEnd(log, ledger, 0)
    await finish(task, step)
    await expectRead(log, ledger, 0, decision.bytes)
  },
  async 'commit: several decisions of one partition keep their order'(log) {
    await log.open()
    await log.create(ledger)
    const first = log.batch(ledger)
    const second = log.batch(ledger, { baseOffset: 1, recordCount: 2 })
    const third = log.batch(ledger, { baseOffset: 3 })
    await log.commit({ decisions: [first, second].map((batch) => ({ ...batch, id: ledger })) })
    await log.commit({ decisions: [{ ...third, id: ledger }] })
    await expectRead(log, ledger, 0, join(first.bytes, second.bytes, third.bytes))
    const state = await log.crash()
    same(find(state, ledger).nextOffset, 4, 'next offset')
    await expectRead(log, ledger, 0, join(first.bytes, second.bytes, third.bytes))
  },
  async 'commit: covers what was appended before, and what comes meanwhile is the next one’s'(log) {
    await log.open()
    await log.create(orders, orders1)
    const first = log.append(orders)
    const task = log.store.commit({ durable: [orders], decisions: [], ceilings: [], producerIdsEnd: undefined })
    const step = task.next()
    const second = log.append(orders)
    const other = log.append(orders1)
    await finish(task, step)
    await log.commit({ durable: [orders, orders1] })
    await log.crash()
    await expectRead(log, orders, 0, join(first, second))
    await expectRead(log, orders1, 0, other)
  },
  async 'commit: of nothing is fine'(log) {
    await log.open()
    await log.create(orders)
    await log.commit({})
    await log.commit({ durable: [orders] })
    await expectEnd(log, orders, 0)
  },
}

/** Runs what is left of a task whose first effect was asked for already. */
async function finish(
  task: ReturnType<PartitionLog['store']['commit']>,
  first: ReturnType<typeof task.next>,
): Promise<void> {
  await runTask(
    (function* () {
      let step = first
      while (!step.done) step = task.next((yield step.value) as unknown)
    })(),
  )
}

const crashCases: Record<string, Act> = {
  async 'crash: an unclean open raises the epoch and says so'(log) {
    const { leaderEpoch } = await log.open()
    await log.create(orders)
    await log.commit({})
    for (const raisedBy of [1, 2]) {
      const state = await log.crash()
      same(state.report.clean, false, 'clean')
      check(state.leaderEpoch >= leaderEpoch + raisedBy, 'a higher epoch')
    }
    const before = log.leaderEpoch
    same((await log.reopen()).leaderEpoch, before, 'the epoch after a clean close')
  },
  async 'crash: a committed prefix is never lost, and what is left of the rest is a prefix too'(log) {
    await log.open()
    await log.create(orders)
    const durable = [log.append(orders), log.append(orders)]
    await log.commit({ durable: [orders] })
    const loose = [log.append(orders), log.append(orders)]
    const end = find(await log.crash(), orders).nextOffset
    check(end >= 2 && end <= 4, `an end from 2 to 4, not ${end}`)
    await expectRead(log, orders, 0, join(...durable, ...loose.slice(0, end - 2)))
  },
  async 'crash: batches that waited for their commit are there after it'(log) {
    await log.open()
    await log.create(orders, orders1)
    const durable = [log.append(orders, {}, true), log.append(orders), log.append(orders, {}, true)]
    log.append(orders1, {}, true)
    await log.commit({ durable: [orders] })
    log.append(orders, {}, true)
    const state = await log.crash()
    const end = find(state, orders).nextOffset
    check(end === 3 || end === 4, `an end of 3 or 4, not ${end}`)
    check(find(state, orders1).nextOffset <= 1, 'no more than was appended')
    const read = await log.read(orders, 0)
    check(typeof read !== 'number', 'bytes')
    sameBytes(read.subarray(0, join(...durable).length), join(...durable), 'what was committed')
  },
  async 'crash: no offset below the ceiling is given again, in this open or any later one'(log) {
    await log.open()
    await log.create(orders)
    await log.commit({ ceilings: [{ id: orders, ceiling: 10 }] })
    log.append(orders)
    same(find(await log.crash(), orders).nextOffset, 10, 'after the crash')
    same(find(await log.reopen(), orders).nextOffset, 10, 'after a clean close of a log that appended nothing')
    same(find(await log.crash(), orders).nextOffset, 10, 'after another crash')
  },
  async 'crash: ids that were promised are never given again'(log) {
    await log.open()
    await log.commit({ producerIdsEnd: 500 })
    check((await log.crash()).nextProducerId >= 500, 'the next id at or above 500 after a crash')
    check((await log.reopen()).nextProducerId >= 500, 'the next id at or above 500 after a close')
  },
}

const lifeCases: Record<string, Act> = {
  async 'create: durable when the task ends, active as isActive says'(log) {
    await log.open()
    await log.create(orders)
    same(log.store.isActive(orders), true, 'active')
    same(log.store.isActive(orders1), false, 'active, though never created')
    find(await log.crash(), orders)
  },
  async 'remove: durable when the task ends; a partition that is gone is fine; others stay'(log) {
    await log.open()
    await log.create(orders, ledger)
    log.append(orders)
    const other = log.append(ledger)
    await log.commit({ durable: [orders, ledger] })
    await log.remove(orders)
    await runTask(log.store.remove(orders))
    same(log.store.isActive(orders), false, 'active')
    const state = await log.crash()
    same(isStored(state, orders), false, 'still stored')
    await expectRead(log, ledger, 0, other)
  },
  async 'remove: a topic made anew under the name begins at 0 and sees nothing of the old one'(log) {
    await log.open()
    await log.create(orders)
    log.append(orders, { producerId: 3, producerEpoch: 0, baseSequence: 0 })
    await log.commit({ durable: [orders], ceilings: [{ id: orders, ceiling: 50 }] })
    await log.remove(orders)
    const again = { ...orders, topicId: 'AAAAAAAAAAAAAAAAAAAAFA' }
    await log.create(again)
    await expectEnd(log, again, 0)
    const state = await log.crash()
    same(find(state, again).nextOffset, 0, 'next offset')
    same(find(state, again).producers.length, 0, 'producers')
    same(isStored(state, orders), false, 'the old one still stored')
  },
  async 'locate: names a place for what is stored, nothing for what is not'(log) {
    await log.open()
    await log.create(orders)
    log.append(orders)
    check((log.store.locate(orders, 0)?.file.length ?? 0) > 0, 'a place of offset 0')
    same(log.store.locate(orders, 5), undefined, 'the place of offset 5')
  },
  async 'maintenance: what waits for a commit that does not come is no damage after a crash'(log) {
    await log.open()
    await log.create(orders, orders1)
    const waiting = log.append(orders1, {}, true)
    for (let round = 0; round < 100; round++) {
      log.append(orders, { valueBytes: 500 })
      const due = log.store.maintenance()
      if (due !== undefined) await runTask(due)
      await log.commit({ durable: [orders] })
    }
    const state = await log.crash()
    same(state.report.damage, [], 'damage')
    same(find(state, orders).nextOffset, 100, 'next offset')
    if (find(state, orders1).nextOffset > 0) await expectRead(log, orders1, 0, waiting)
    else await expectEnd(log, orders1, 0)
  },
  async 'canCommit and maintenance: commits go on for ever if background work is run when it is due'(log) {
    await log.open()
    await log.create(orders)
    for (let round = 0; round < 200; round++) {
      log.append(orders, { valueBytes: 500 })
      const due = log.store.maintenance()
      if (due !== undefined) await runTask(due)
      check(log.store.canCommit(0), 'room for a commit once nothing is due')
      await log.commit({ durable: [orders] })
    }
    same(find(await log.crash(), orders).nextOffset, 200, 'next offset')
  },
}
