import { runTask } from '../../run-task.ts'
import { check, same } from '../case.ts'
import type { PartitionLog } from '../partition-log.ts'
import { expectEnd, expectRead, find, join, ledger, orders, orders1, type PartitionCases } from './expectations.ts'

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
  async 'commit: of nothing is fine'(log) {
    await log.open()
    await log.create(orders)
    await log.commit({})
    await log.commit({ durable: [orders] })
    await expectEnd(log, orders, 0)
  },
}
