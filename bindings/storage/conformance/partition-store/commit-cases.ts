import type { AbortedTransaction } from '../../partition-store.ts'
import { runTask } from '../../run-task.ts'
import { abortMarker, transactionalBatch } from '../batches.ts'
import { check, same } from '../case.ts'
import type { PartitionLog } from '../partition-log.ts'
import { expectEnd, expectRead, find, join, ledger, orders, orders1, type PartitionCases } from './expectations.ts'

/** Each as its numbers. */
async function abortedIn(log: PartitionLog, from: number, to: number): Promise<readonly (readonly number[])[]> {
  const known = log.store.abortedBetween(orders, from, to)
  if (known !== undefined) return known.map(numbersOf)
  await runTask(log.store.prepareRead(orders, from, to))
  const loaded = log.store.abortedBetween(orders, from, to)
  check(loaded !== undefined, 'the aborted transactions after prepareRead')
  return loaded.map(numbersOf)
}

function numbersOf({ producerId, firstOffset, lastOffset, lastStableOffset }: AbortedTransaction): readonly number[] {
  return [producerId, firstOffset, lastOffset, lastStableOffset]
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

/** Runs so many effects of a task, and leaves it there. Whether that was all of it. */
async function begun(task: ReturnType<PartitionLog['store']['commit']>, effects: number): Promise<boolean> {
  let isDone = false
  await runTask(
    (function* () {
      let step = task.next()
      for (let left = effects; !step.done && left > 0; left--) step = task.next((yield step.value) as unknown)
      isDone = step.done === true
    })(),
  )
  return isDone
}

export const commitCases: PartitionCases = {
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
  async 'commit: a crash between any of its steps leaves all of it or nothing'(log) {
    await log.open()
    await log.create(orders, orders1, ledger)
    for (let effects = 0, isDone = false; !isDone; effects++) {
      const decided = [ledger, orders1]
      const decisions = decided.map((id) => ({ ...log.batch(id), id }))
      log.append(orders)
      const end = log.nextOffset(orders)
      const ids = 1000 * (effects + 1)
      const ceilings = [{ id: orders, ceiling: end + 64 }]
      isDone = await begun(log.store.commit({ durable: [orders], decisions, ceilings, producerIdsEnd: ids }), effects)
      const state = await log.crash()
      const [first, second] = decisions.map(({ id, nextOffset }) => find(state, id).nextOffset >= nextOffset)
      same(second, first, `the second decision is there, after ${effects} steps`)
      if (isDone) same(first, true, 'the decisions are there, after all steps')
      if (first !== true) continue
      check(find(state, orders).nextOffset >= end + 64, 'with the decisions the ceiling')
      check(state.nextProducerId >= ids, 'with the decisions the ids')
    }
  },
  async 'commit: tells each decision once that it is placed, and keeps what it aborts'(log) {
    await log.open()
    await log.create(orders)
    const producer = { producerId: 9, producerEpoch: 2, leaderEpoch: log.leaderEpoch }
    const data = transactionalBatch({ ...producer, baseOffset: 0, recordCount: 2, baseSequence: 0 })
    const marker = abortMarker({ ...producer, baseOffset: 2 })
    const aborted = { producerId: 9, firstOffset: 0, lastOffset: 2, lastStableOffset: 3 }
    const told: string[] = []
    const placed = (name: string, answer: typeof aborted | undefined) => () => {
      told.push(name)
      return answer
    }
    await log.commit({
      decisions: [
        { ...data, id: orders, placed: placed('data', undefined) },
        { ...marker, id: orders, placed: placed('marker', aborted) },
      ],
    })
    same(told, ['data', 'marker'], 'what was told')
    log.append(orders)
    await log.commit({ durable: [orders] })
    for (const when of ['at once', 'after a close', 'after a crash']) {
      if (when === 'after a close') await log.reopen()
      if (when === 'after a crash') await log.crash()
      same(await abortedIn(log, 0, 4), [numbersOf(aborted)], `aborted ${when}`)
      same(await abortedIn(log, 3, 4), [], `aborted from the marker's end on, ${when}`)
    }
  },
  async 'commit: of nothing is fine'(log) {
    await log.open()
    await log.create(orders)
    await log.commit({})
    await log.commit({ durable: [orders] })
    await expectEnd(log, orders, 0)
  },
}
