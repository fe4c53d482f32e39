import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { EndPlan, InitPlan } from '../../../bindings/coordinator/transaction/plans.ts'
import type { ProducerInstance } from '../../../bindings/coordinator/transaction/transaction-entry.ts'
import { Transactions } from '../../../bindings/coordinator/transaction/transactions.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { place, refuses, topicId } from '../../log/catalogue/fixtures.ts'

const added = { topicId: topicId(1), topic: 't', partition: 0 }

/** The table with everything that is planned made durable at once, as a log without waits would. */
class Bench {
  readonly history: TableRecord[] = []
  nextId = 100
  readonly transactions: Transactions = new Transactions()

  durable(records: readonly TableRecord[]): void {
    for (const record of records) this.transactions.apply(record, place)
    this.history.push(...records)
  }

  init(transactionalId = 'id', now = 0, timeoutMs = 1000): ProducerInstance {
    const plan = this.planInit(transactionalId, now, timeoutMs)
    this.durable(plan.records)
    if (plan.aborts !== undefined) this.transactions.decided(plan.aborts.open)
    return plan.instance
  }

  planInit(transactionalId = 'id', now = 0, timeoutMs = 1000): InitPlan {
    const newProducerId = this.transactions.initNeedsProducerId(transactionalId) ? this.nextId++ : undefined
    return this.transactions.planInit({ transactionalId, timeoutMs, newProducerId, now })
  }

  begin(instance: ProducerInstance, now = 0): void {
    this.transactions.begin(instance, now)
    this.transactions.openOf(instance.producerId, instance.producerEpoch).partitions.push(added)
  }

  planEnd(instance: ProducerInstance, event: 'commit' | 'abort'): EndPlan | ProducerInstance {
    const newProducerId = this.transactions.endNeedsProducerId(instance.producerEpoch) ? this.nextId++ : undefined
    return this.transactions.planEnd(instance, event, 5, newProducerId)
  }

  end(instance: ProducerInstance, event: 'commit' | 'abort'): ProducerInstance {
    const plan = this.planEnd(instance, event)
    if (!('open' in plan)) return plan
    this.durable(plan.records)
    this.transactions.decided(plan.open)
    return plan.next
  }

  /** The id as if it had come so far. */
  atEpoch(producerEpoch: number): ProducerInstance {
    const record = this.history.at(-1)!
    const value = record.value!.slice()
    new DataView(value.buffer).setInt16(10, producerEpoch)
    this.durable([{ ...record, value }])
    return { producerId: 100, producerEpoch }
  }

  /** What a later opening reads. */
  reopened(): Bench {
    const bench = new Bench()
    bench.nextId = this.nextId + 1000
    for (const record of this.history) bench.transactions.apply(structuredClone(record), place)
    return bench
  }
}

test('the epoch goes up with every transaction, committed or aborted', () => {
  const bench = new Bench()
  let instance = bench.init()
  assert.equal(instance, { producerId: 100, producerEpoch: 0 })
  bench.begin(instance)
  instance = bench.end(instance, 'commit')
  assert.equal(instance, { producerId: 100, producerEpoch: 1 })
  bench.begin(instance)
  instance = bench.end(instance, 'abort')
  assert.equal(instance, { producerId: 100, producerEpoch: 2 })
  assert.equal(bench.reopened().transactions.list(), bench.transactions.list())
  assert.is(bench.transactions.describe('id')?.state, 'CompleteAbort')
})

test('who asks for an end again waits for it, also where a crash took the transaction', () => {
  const bench = new Bench()
  const instance = bench.init()
  const { open } = bench.planEnd(instance, 'abort') as EndPlan
  assert.is(bench.transactions.ending(instance, 'abort'), open)
})

test("who asks for an earlier end again doesn't wait for the present one", () => {
  const bench = new Bench()
  const earlier = bench.init()
  bench.begin(earlier)
  const instance = bench.end(earlier, 'commit')
  bench.begin(instance)
  bench.planEnd(instance, 'commit')
  assert.is(bench.transactions.ending(earlier, 'commit'), undefined)
})

test('a lost answer is given again, for exactly that transaction (testTxnEndTxnTV2Retry)', () => {
  const bench = new Bench()
  const first = bench.init()
  bench.begin(first)
  const second = bench.end(first, 'commit')
  for (const asked of [bench, bench.reopened()]) {
    assert.equal(asked.end(first, 'commit'), second)
    refuses('INVALID_TXN_STATE', () => asked.end(first, 'abort'))
  }
  bench.begin(second)
  const third = bench.end(second, 'abort')
  assert.equal(bench.end(second, 'abort'), third)
  refuses('TRANSACTION_ABORTABLE', () => bench.end(second, 'commit'))
  refuses('PRODUCER_FENCED', () => bench.end(first, 'commit'))
})

test('while the decision is under way the same request waits, another is refused', () => {
  const bench = new Bench()
  const instance = bench.init()
  bench.begin(instance)
  const plan = bench.planEnd(instance, 'commit') as EndPlan
  assert.is(bench.transactions.ending(instance, 'commit'), plan.open)
  refuses('CONCURRENT_TRANSACTIONS', () => bench.planEnd(instance, 'commit'))
  refuses('INVALID_TXN_STATE', () => bench.planEnd(instance, 'abort'))
  refuses('CONCURRENT_TRANSACTIONS', () => bench.planInit())
  refuses('CONCURRENT_TRANSACTIONS', () => bench.transactions.openOf(instance.producerId, instance.producerEpoch))
  assert.is(bench.transactions.describe('id')?.state, 'PrepareCommit')
  bench.durable(plan.records)
  bench.transactions.decided(plan.open)
  assert.equal(bench.end(instance, 'commit'), plan.next)
})

test('a new instance aborts what was open and fences the older one (testFencingOnCommit, OnSend)', () => {
  const bench = new Bench()
  const older = bench.init()
  bench.begin(older)
  const plan = bench.planInit()
  assert.is(plan.aborts?.markerEpoch, 1)
  assert.is(plan.aborts?.isCommit, false)
  assert.equal(plan.instance, { producerId: 100, producerEpoch: 2 })
  // What is on its way isn't the end that it asks for: it needn't wait for it to hear so.
  assert.is(bench.transactions.ending(older, 'abort'), undefined)
  for (let step = 0; step < 2; step++) {
    refuses('PRODUCER_FENCED', () => bench.end(older, 'commit'))
    refuses('PRODUCER_FENCED', () => bench.end(older, 'abort'))
    refuses('PRODUCER_FENCED', () => bench.begin(older))
    refuses('PRODUCER_FENCED', () => bench.transactions.openOf(older.producerId, older.producerEpoch))
    if (step > 0) continue
    bench.durable(plan.records)
    bench.transactions.decided(plan.aborts!.open)
  }
  bench.begin(plan.instance)
  bench.end(plan.instance, 'commit')
})

test('without an open transaction an append and a commit are abortable, an abort raises the epoch', () => {
  const bench = new Bench()
  const instance = bench.init()
  refuses('TRANSACTION_ABORTABLE', () => bench.transactions.openOf(instance.producerId, instance.producerEpoch))
  refuses('TRANSACTION_ABORTABLE', () => bench.end(instance, 'commit'))
  const next = bench.end(instance, 'abort')
  assert.is(next.producerEpoch, 1)
  refuses('TRANSACTION_ABORTABLE', () => bench.transactions.openOf(instance.producerId, instance.producerEpoch))
  refuses('INVALID_PRODUCER_EPOCH', () => bench.transactions.openOf(next.producerId, 2))
  refuses('INVALID_PRODUCER_ID_MAPPING', () => bench.transactions.openOf(7, 0))
  bench.begin(next)
  refuses('INVALID_TXN_STATE', () => bench.transactions.begin(next, 0))
})

test('a transaction with nothing in it needs no decision', () => {
  const bench = new Bench()
  const instance = bench.init()
  const written = bench.history.length
  bench.transactions.begin(instance, 0)
  bench.transactions.begin(instance, 0)
  assert.equal(bench.end(instance, 'commit'), instance)
  bench.transactions.begin(instance, 0)
  assert.equal(bench.end(instance, 'abort'), instance)
  assert.is(bench.history.length, written)
})

test('epochs run out: a new producer id, and the old one stays fenced (shouldGenerateNewProducerIdIfEpochsExhausted)', () => {
  const bench = new Bench()
  bench.init()
  const instance = bench.atEpoch(32_766)
  bench.begin(instance)
  const plan = bench.planEnd(instance, 'commit') as EndPlan
  assert.is(plan.markerEpoch, 32_767)
  bench.durable(plan.records)
  bench.transactions.decided(plan.open)
  assert.equal(plan.next, { producerId: 101, producerEpoch: 0 })
  for (const asked of [bench, bench.reopened()]) {
    assert.equal(asked.end(instance, 'commit'), plan.next)
    refuses('INVALID_TXN_STATE', () => asked.end(instance, 'abort'))
    refuses('INVALID_TXN_STATE', () => asked.begin(instance))
    // Only the last one is answered again: what became of an earlier transaction isn't known.
    refuses('PRODUCER_FENCED', () => asked.end({ ...instance, producerEpoch: 32_765 }, 'commit'))
  }
  bench.begin(plan.next)
  bench.end(plan.next, 'commit')
  refuses('INVALID_PRODUCER_ID_MAPPING', () => bench.end(instance, 'commit'))
  // The id is in use, so it was none that nobody used for a week.
  assert.throws(() => bench.end(instance, 'commit'), /or its epochs ran out and a later producer has it/)
})

test('an instance that is fenced in its last epoch gives way to a new producer id', () => {
  const bench = new Bench()
  bench.init()
  const older = bench.atEpoch(32_765)
  bench.begin(older)
  const plan = bench.planInit()
  assert.is(plan.aborts?.markerEpoch, 32_766)
  assert.equal(plan.instance, { producerId: 101, producerEpoch: 0 })
  assert.is(bench.transactions.endingOf('id'), plan.aborts?.open)
  bench.durable(plan.records)
  bench.transactions.decided(plan.aborts!.open)
  for (const asked of [bench, bench.reopened()]) {
    for (const event of ['commit', 'abort'] as const) refuses('PRODUCER_FENCED', () => asked.end(older, event))
    refuses('PRODUCER_FENCED', () => asked.begin(older))
  }
})

test('the clock ends what takes longer than its timeout; the time before a close counts', () => {
  const bench = new Bench()
  assert.is(bench.transactions.nextDeadline(), undefined)
  const slow = bench.init('slow', 0, 1000)
  const quick = bench.init('quick', 0, 50)
  bench.begin(slow, 10)
  bench.begin(quick, 20)
  assert.is(bench.transactions.nextDeadline(), 70)
  assert.equal(bench.transactions.expired(69), [])
  assert.equal(
    bench.transactions.expired(70).map(({ transactionalId }) => transactionalId),
    ['quick'],
  )
  bench.end(quick, 'abort')
  assert.is(bench.transactions.nextDeadline(), 1010)
  bench.durable(bench.transactions.planClose(30))
  assert.is(bench.transactions.describe('slow')?.state, 'Ongoing')

  const later = bench.reopened()
  assert.equal(later.transactions.recover([{ ...slow, partitions: [added] }], true, 500), [])
  assert.is(later.transactions.nextDeadline(), 1010)
  assert.is(later.end(slow, 'commit').producerEpoch, 1)
})

test('a transaction that goes on over a close has its timeout and no more, though the clock was put back meanwhile', () => {
  const bench = new Bench()
  const instance = bench.init('id', 0, 1000)
  bench.begin(instance, 86_400_000)
  bench.durable(bench.transactions.planClose(86_400_100))
  const later = bench.reopened()
  assert.equal(later.transactions.recover([{ ...instance, partitions: [added] }], true, 500), [])
  assert.is(later.transactions.nextDeadline(), 1500)
})

test('a transaction whose abort by the clock failed is aborted again', () => {
  const bench = new Bench()
  const stuck = bench.init('stuck', 0, 50)
  bench.begin(stuck, 0)
  const ids = (now: number) => bench.transactions.expired(now).map(({ transactionalId }) => transactionalId)
  assert.equal(ids(50), ['stuck'])
  const again = bench.transactions.nextDeadline()
  assert.is(again, 10_050)
  assert.equal(ids(10_049), [])
  assert.equal(ids(10_050), ['stuck'])
  bench.end(stuck, 'abort')
  assert.equal(ids(20_050), [])
  assert.is(bench.transactions.nextDeadline(), 3_600_000, 'the look for ids that nobody uses')
})

test('after an end without a close every open transaction is aborted under a raised epoch (rule 9)', () => {
  const bench = new Bench()
  const known = bench.init('known')
  bench.begin(known)
  const unheard = bench.init('unheard')
  const next = bench.end(unheard, 'abort')
  const found = [known, next, { producerId: 7, producerEpoch: 3 }].map((each) => ({ ...each, partitions: [added] }))
  const later = bench.reopened()
  const plans = later.transactions.recover(found, false, 9)
  assert.equal(
    plans.map(({ markerEpoch, isCommit, records }) => [markerEpoch, isCommit, records.length]),
    [
      [1, false, 1],
      [next.producerEpoch + 1, false, 1],
      [4, false, 0],
    ],
  )
  for (const plan of plans) {
    later.durable(plan.records)
    later.transactions.decided(plan.open)
  }
  refuses('TRANSACTION_ABORTABLE', () => later.end(known, 'commit'))
  assert.equal(later.end(known, 'abort'), { producerId: 100, producerEpoch: 1 })
})

test('an id that nobody used for a week is forgotten, and its producer is refused; one that is open stays', () => {
  const day = 24 * 3_600_000
  const bench = new Bench()
  const idle = bench.init('idle', 0)
  const open = bench.init('open', 0, 900_000)
  bench.begin(open, 0)
  bench.init('used', 3 * day)
  assert.equal(bench.transactions.planExpiry(7 * day - 1), [])
  bench.durable(bench.transactions.planExpiry(7 * day - 1 + 3_600_000))
  assert.equal(
    bench.transactions.list().map(({ transactionalId }) => transactionalId),
    ['open', 'used'],
  )
  refuses('INVALID_PRODUCER_ID_MAPPING', () => bench.begin(idle))
  refuses('INVALID_PRODUCER_ID_MAPPING', () => bench.end(idle, 'abort'))
  assert.equal(bench.transactions.planExpiry(8 * day - 3_600_001 + 1_800_000 - day), [], 'an hour from look to look')

  const later = bench.reopened()
  later.transactions.recover([], true, 8 * day)
  assert.is(later.transactions.nextDeadline(), 8 * day + 3_600_000, 'it looks again though nobody begins anything')
  later.nextId = 200
  assert.equal(
    later.transactions.list().map(({ transactionalId }) => transactionalId),
    ['open', 'used'],
  )
  assert.equal(later.init('idle', 9 * day), { producerId: 200, producerEpoch: 0 })
})

test('a crash in the last epoch: its producer is told that none is left, and the next one has another id', () => {
  const bench = new Bench()
  bench.init()
  const last = bench.atEpoch(32_766)
  bench.begin(last)
  const later = bench.reopened()
  const [plan] = later.transactions.recover([{ ...last, partitions: [added] }], false, 9)
  if (plan === undefined) throw new Error('no abort is planned')
  assert.is(plan.markerEpoch, 32_767)
  later.durable(plan.records)
  later.transactions.decided(plan.open)
  refuses('TRANSACTION_ABORTABLE', () => later.end(last, 'commit'))
  const next = later.end(last, 'abort')
  assert.equal(next, { producerId: 100, producerEpoch: 32_767 })
  refuses('PRODUCER_FENCED', () => later.begin(next))
  for (const event of ['commit', 'abort'] as const) refuses('PRODUCER_FENCED', () => later.end(next, event))
  const anew = later.init()
  assert.is.not(anew.producerId, 100)
  assert.is(anew.producerEpoch, 0)
})

test('a transaction that a close left open ends with the next open if nothing of it is left, or if it is of another epoch', () => {
  const bench = new Bench()
  const id = bench.init()
  bench.end(id, 'abort')
  const next = { ...id, producerEpoch: 1 }
  bench.begin(next)
  bench.durable(bench.transactions.planClose(1))
  for (const [found, epochs] of [
    [[], [2]],
    [[{ ...id, partitions: [added] }], [2]],
    [[{ ...next, partitions: [added] }], []],
  ] as const) {
    const later = bench.reopened()
    const plans = later.transactions.recover(found, true, 2)
    assert.equal(
      plans.map(({ markerEpoch }) => markerEpoch),
      epochs,
    )
    for (const plan of plans) {
      later.durable(plan.records)
      later.transactions.decided(plan.open)
    }
    assert.is(later.transactions.describe('id')?.state, plans.length > 0 ? 'CompleteAbort' : 'Ongoing')
    assert.is(later.init().producerEpoch, 3)
  }
})

test('an id is forgotten by time that passes, wherever the clock is set: ahead, back, and right again (P27)', () => {
  const day = 24 * 3_600_000
  for (const moved of [[30], [-30], [-30, 30], [30, -30]]) {
    const bench = new Bench()
    bench.init('id', 0)
    let ahead = 0
    // Used each day, while the clock is set now and then; then no more.
    for (const [index, days] of moved.entries()) {
      bench.init('used', (index + 1) * day + ahead)
      bench.transactions.clockMoved(days * day)
      ahead += days * day
      bench.durable(bench.transactions.planExpiry((index + 1) * day + 7_200_000 + ahead))
      bench.init('later', (index + 1) * day + 7_200_000 + ahead)
    }
    const idsAt = (passed: number) => {
      bench.durable(bench.transactions.planExpiry(passed + ahead))
      return bench.transactions.list().map(({ transactionalId }) => transactionalId)
    }
    const last = moved.length * day
    assert.equal(idsAt(7 * day - 1), ['id', 'later', 'used'], `${moved}`)
    assert.equal(idsAt(7 * day + 3_600_000), ['later', 'used'], `${moved}`)
    assert.equal(idsAt(last + 7 * day + 5_400_000), ['later'], `${moved}`)
    assert.equal(idsAt(last + 8 * day), [], `${moved}`)
  }
})

test('a transaction with offsets does not go on over a close, also where it went on over one before', () => {
  const bench = new Bench()
  const id = bench.init('id')
  bench.begin(id)
  bench.durable(bench.transactions.planClose(1))
  const later = bench.reopened()
  assert.equal(later.transactions.recover([{ ...id, partitions: [added] }], true, 2), [])
  later.transactions.openOf(id.producerId, id.producerEpoch).hasOffsets = true
  later.history.push(...bench.history)
  later.durable(later.transactions.planClose(3))
  const last = later.reopened()
  assert.is(last.transactions.describe('id')?.state, 'Empty')
  const plans = last.transactions.recover([{ ...id, partitions: [added] }], true, 4)
  assert.equal(
    plans.map(({ isCommit, markerEpoch }) => [isCommit, markerEpoch]),
    [[false, 1]],
  )
})

test('a close says nothing of a transaction that has nothing, that is being decided, or that is to end with it', () => {
  const bench = new Bench()
  const [empty, decided, withOffsets] = ['empty', 'decided', 'with offsets'].map((id) => bench.init(id))
  bench.transactions.begin(empty!, 0)
  bench.begin(decided!)
  bench.planEnd(decided!, 'commit')
  bench.begin(withOffsets!)
  bench.transactions.openOf(withOffsets!.producerId, withOffsets!.producerEpoch).hasOffsets = true
  assert.equal(bench.transactions.planClose(1), [])
})

test('an id that is empty or too long, and a timeout out of bounds, are refused and leave nothing', () => {
  const bench = new Bench()
  refuses('INVALID_REQUEST', () => bench.init(''))
  refuses('INVALID_REQUEST', () => bench.init('x'.repeat(32_768)))
  for (const timeout of [0, -1, 900_001, 1.5, Number.NaN]) {
    refuses('INVALID_TRANSACTION_TIMEOUT', () => bench.init('id', 0, timeout))
  }
  assert.equal(bench.transactions.list(), [])
})

test.run()
