import { check, same, sameBytes } from '../case.ts'
import { expectRead, find, join, orders, orders1, type PartitionCases } from './expectations.ts'

export const crashCases: PartitionCases = {
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
    const durable = [log.append(orders, { mayWait: true }), log.append(orders), log.append(orders, { mayWait: true })]
    log.append(orders1, { mayWait: true })
    await log.commit({ durable: [orders] })
    log.append(orders, { mayWait: true })
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
