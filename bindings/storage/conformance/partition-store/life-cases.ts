import { runTask } from '../../run-task.ts'
import { check, same } from '../case.ts'
import { expectEnd, expectRead, find, isStored, ledger, orders, orders1, type PartitionCases } from './expectations.ts'

export const lifeCases: PartitionCases = {
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
    const waiting = log.append(orders1, { mayWait: true })
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
