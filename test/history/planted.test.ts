// One anomaly of each kind, planted in a short true story: it is found, named with its place and producer, and nothing
// else is.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type AnomalyKind, describeAnomaly } from '../../bindings/testkit/history/anomaly.ts'
import { checkHistory } from '../../bindings/testkit/history/check-history.ts'
import type { SeenRecord, Send } from '../../bindings/testkit/history/history.ts'
import { HistoryRecorder } from '../../bindings/testkit/history/recorder.ts'
import { CleanHistory } from './clean-history.ts'

const topic = 'payments'

/** `a5` is value `a` at offset 5. */
function records(words: string): SeenRecord[] {
  return words === ''
    ? []
    : words.split(' ').map((word) => ({ value: word.slice(0, 1), offset: Number(word.slice(1)) }))
}

class Story extends HistoryRecorder {
  /** Producer p; by default acknowledged in partition 0, outside of any transaction. */
  send(word: string, more: Partial<Send> = {}): this {
    const [{ value, offset }] = records(word) as [SeenRecord]
    const send = { topic, partition: 0, producer: 'p', value, offset, outcome: 'ok', transaction: undefined } as const
    this.sent({ ...send, ...more, offset: (more.outcome ?? 'ok') === 'ok' ? offset : undefined })
    return this
  }

  end(id: string, outcome: 'committed' | 'aborted' | 'unknown'): this {
    this.transactionEnded({ id, producer: 'p', outcome, askedAt: this.tick() })
    return this
  }

  poll(words: string, isolation: 'read_committed' | 'read_uncommitted' = 'read_committed', partition = 0): this {
    this.polled({ consumer: 'c', isolation, topic, partition, records: records(words) })
    return this
  }

  from(offset: number, partition: number): this {
    this.positioned({ consumer: 'c', topic, partition, offset })
    return this
  }

  /** By a reader of what isn't committed yet. */
  otherPoll(words: string): this {
    this.polled({ consumer: 'other', isolation: 'read_uncommitted', topic, partition: 0, records: records(words) })
    return this
  }

  /** One that reads all, and one that is put at the start and passes something over. */
  otherPolls(words: string, late: string): this {
    this.otherPoll(words)
    this.positioned({ consumer: 'late', topic, partition: 0, offset: 0 })
    const poll = { consumer: 'late', isolation: 'read_uncommitted', topic, partition: 0 } as const
    this.polled({ ...poll, records: records(late) })
    return this
  }

  final(words: string, partition = 0): this {
    this.finallyRead({ topic, partition, records: records(words) })
    return this
  }

  commit(offset: number, outcome: 'ok' | 'failed' | 'unknown', transaction?: string, partition = 0): this {
    this.offsetCommitted({ group: 'g', topic, partition, offset, outcome, transaction })
    return this
  }

  finalCommit(offset: number, partition = 0): this {
    this.finalOffset({ group: 'g', topic, partition, offset })
    return this
  }
}

function found(story: HistoryRecorder): string[] {
  return checkHistory(story).anomalies.map(describeAnomaly)
}

function three(): Story {
  return new Story().send('a0').send('b1').send('c2')
}

function inTransaction(story: Story): Story {
  return story.send('a0', { transaction: 't' }).send('b0', { transaction: 't', partition: 1 })
}

test('histories that can have happened have no anomaly', () => {
  assert.equal(found(three().poll('a0 b1').poll('c2').final('a0 b1 c2')), [])
  assert.equal(found(inTransaction(new Story()).end('t', 'committed').final('a0').final('b0', 1)), [])
  assert.equal(
    found(inTransaction(new Story()).end('t', 'aborted').poll('a0', 'read_uncommitted').final('').final('', 1)),
    [],
  )
  assert.equal(found(inTransaction(new Story()).end('t', 'unknown').final('').final('', 1)), [])
  assert.equal(found(new Story().commit(3, 'ok').commit(5, 'unknown').finalCommit(5)), [])
  assert.equal(found(new Story().commit(3, 'failed').finalCommit(-1)), [])
  // A send that was refused is no part of its transaction.
  const refused = new Story().send('a0', { transaction: 't' }).send('b0', { transaction: 't', outcome: 'failed' })
  assert.equal(found(refused.end('t', 'unknown').final('a0')), [])
  // Where nobody read its records in the end, a transaction's offset doesn't say that they are missing.
  assert.equal(found(inTransaction(new Story()).end('t', 'unknown').commit(4, 'ok', 't').finalCommit(4)), [])
  // A group that was put back to before a transaction whose answer was lost.
  const reset = inTransaction(new Story()).commit(4, 'ok', 't').end('t', 'unknown').commit(2, 'ok')
  assert.equal(found(reset.final('a0').final('b0', 1).finalCommit(2)), [])
  // Who ended an aborted transaction nobody knows: its timeout may have, before its producer asked.
  assert.equal(found(inTransaction(new Story()).send('c1').poll('c1').end('t', 'aborted').final('c1')), [])
  // Only its own partition holds a transaction's readers back, and only from its first record on.
  const beside = inTransaction(new Story().send('c0', { partition: 2 }).send('d0', { partition: 3 }))
  const before = beside.send('e1', { partition: 3, transaction: 't' }).poll('c0', 'read_committed', 2)
  assert.equal(found(before.poll('d0', 'read_committed', 3).end('t', 'committed').final('a0')), [])
})

test('a history that says two things of one value, transaction or partition can not be judged', () => {
  assert.throws(() => found(new Story().send('a0').send('a1')), 'may send a value only once')
  assert.throws(() => found(new Story().end('t', 'committed').end('t', 'aborted')), 'may end a transaction only once')
  assert.throws(() => found(new Story().final('').final('')), 'may read a partition in the end only once')
})

test('a record in another partition than its own is there, and missing in its own', () => {
  assert.equal(found(new Story().send('a0').final('').final('a0', 1)), [
    'conflicting: payments-1 at 0, value a of producer p: it was sent to payments-0',
    'unseen: payments-0 at 0, value a of producer p: it was acknowledged, and the final read has not got it',
  ])
})

const planted: readonly (readonly [kind: AnomalyKind, story: Story, words: string])[] = [
  ['phantom', three().final('a0 b1 c2 z3'), 'payments-0 at 3, value z: nobody sent it'],
  [
    'conflicting',
    three().send('d1', { outcome: 'unknown', producer: 'q' }).otherPoll('d1').final('a0 b1 c2'),
    'payments-0 at 1, value b of producer p: value d was there too',
  ],
  // A spurious offset in the answer, as Bufstream gave (Jepsen, 2024).
  ['conflicting', new Story().send('a0').send('b0'), 'payments-0 at 0, value b of producer p: value a was there too'],
  [
    'conflicting',
    new Story().send('a0').send('b9').final('a0 b1'),
    'payments-0 at 9, value b of producer p: also at payments-0 1',
  ],
  [
    'conflicting',
    new Story().send('a0', { outcome: 'unknown' }).poll('a0', 'read_committed', 1),
    'payments-1 at 0, value a of producer p: it was sent to payments-0',
  ],
  ['duplicate', three().final('a0 b1 c2 b3'), 'payments-0 at 3, value b of producer p: also at payments-0 1'],
  [
    'aborted-read',
    inTransaction(new Story()).end('t', 'aborted').poll('a0'),
    'payments-0 at 0, value a of producer p: c read it, transaction t was aborted',
  ],
  [
    'aborted-read',
    new Story().send('a0', { outcome: 'failed' }).poll('a0', 'read_uncommitted'),
    'payments-0 at 0, value a of producer p: c read it, its send had failed',
  ],
  // Once, however many read it.
  [
    'aborted-read',
    new Story().send('a0', { outcome: 'failed' }).poll('a0', 'read_uncommitted').otherPoll('a0'),
    'payments-0 at 0, value a of producer p: c read it, its send had failed',
  ],
  // It is in no final read, as it should be, and its place says nothing of the order.
  [
    'aborted-read',
    inTransaction(new Story()).end('t', 'aborted').poll('a0').final('').final('', 1),
    'payments-0 at 0, value a of producer p: c read it, transaction t was aborted',
  ],
  [
    'aborted-read',
    new Story().send('a1').send('b0', { outcome: 'failed' }).otherPoll('b0 a1'),
    'payments-0 at 0, value b of producer p: other read it, its send had failed',
  ],
  [
    'uncommitted-read',
    inTransaction(new Story()).poll('a0').end('t', 'committed').final('a0').final('b0', 1),
    'payments-0 at 0, value a of producer p: c read it before transaction t was to commit',
  ],
  // Nothing of the open transaction itself, but what stands after its first record.
  [
    'uncommitted-read',
    inTransaction(new Story())
      .send('c1')
      .send('d2')
      .poll('c1 d2')
      .end('t', 'committed')
      .final('a0 c1 d2')
      .final('b0', 1),
    'payments-0 at 0, value a of producer p: c read on at 1 before transaction t was to commit',
  ],
  [
    'uncommitted-read',
    inTransaction(new Story()).send('c1').poll('c1').end('t', 'unknown').final('a0 c1').final('b0', 1),
    'payments-0 at 0, value a of producer p: c read on at 1 before transaction t was to commit',
  ],
  // The shorter of two that are open has the later offset.
  [
    'uncommitted-read',
    inTransaction(new Story())
      .send('c1', { transaction: 'u' })
      .end('u', 'committed')
      .send('d2')
      .poll('d2')
      .end('t', 'committed')
      .final('a0 c1 d2')
      .final('b0', 1),
    'payments-0 at 0, value a of producer p: c read on at 2 before transaction t was to commit',
  ],
  [
    'lost',
    three().final('a0 c2'),
    'payments-0 at 1, value b of producer p: it was acknowledged, and the final read has not got it',
  ],
  [
    'unseen',
    three().final('a0 b1'),
    'payments-0 at 2, value c of producer p: it was acknowledged, and the final read has not got it',
  ],
  [
    'lost',
    new Story().send('a0', { outcome: 'unknown' }).send('b1').poll('a0 b1').final('b1'),
    'payments-0 at 0, value a of producer p: c read it, and the final read has not got it',
  ],
  [
    'torn-transaction',
    inTransaction(new Story()).end('t', 'unknown').final('a0').final('', 1),
    'payments-1 at 0, value b of producer p: transaction t has value a in payments-0 and not this one',
  ],
  [
    'torn-transaction',
    inTransaction(new Story()).end('t', 'unknown').commit(4, 'ok', 't').final('').final('', 1).finalCommit(4),
    'payments-0 at 4 of producer p: group g: transaction t has this offset there, and not its records',
  ],
  [
    'torn-transaction',
    inTransaction(new Story().commit(2, 'ok'))
      .end('t', 'unknown')
      .commit(4, 'ok', 't')
      .final('a0')
      .final('b0', 1)
      .finalCommit(2),
    'payments-0 at 4 of producer p: group g: transaction t has its records there, and not this offset',
  ],
  // Over two partitions without a record.
  [
    'torn-transaction',
    new Story().commit(4, 'ok', 't').commit(7, 'ok', 't', 1).end('t', 'unknown').finalCommit(4).finalCommit(-1, 1),
    'payments-1 at 7: group g: transaction t has offset 4 of payments-0 there, and not this one',
  ],
  // Somebody saw it committed; its partition isn't read again.
  [
    'torn-transaction',
    inTransaction(new Story()).end('t', 'unknown').poll('a0').final('', 1),
    'payments-1 at 0, value b of producer p: transaction t has value a in payments-0 and not this one',
  ],
  [
    'torn-transaction',
    inTransaction(new Story()).commit(4, 'ok', 't').end('t', 'unknown').poll('a0').finalCommit(-1),
    'payments-0 at 4 of producer p: group g: transaction t has its records there, and not this offset',
  ],
  [
    'skipped',
    three().poll('a0').poll('c2').final('a0 b1 c2'),
    'payments-0 at 1, value b of producer p: c read on at 2',
  ],
  [
    'skipped',
    inTransaction(new Story()).send('c1').end('t', 'aborted').otherPolls('a0 c1', 'c1'),
    'payments-0 at 0, value a of producer p: late read on at 1',
  ],
  [
    'non-monotonic',
    three().poll('a0 b1').poll('b1 c2').final('a0 b1 c2'),
    'payments-0 at 1, value b of producer p: c read it again, it stood at 2',
  ],
  // By the last reader too, be it out of order or the same twice.
  [
    'non-monotonic',
    new Story().send('a0').send('b1', { producer: 'q' }).final('b1 a0'),
    'payments-0 at 0, value a: final read read it again, it stood at 2',
  ],
  ['non-monotonic', three().final('a0 b1 b1 c2'), 'payments-0 at 1, value b: final read read it again, it stood at 2'],
  // Of a transaction whose commit was not answered one record was seen, and another passed over.
  [
    'skipped',
    inTransaction(new Story())
      .send('c1', { partition: 1 })
      .end('t', 'unknown')
      .poll('a0')
      .from(0, 1)
      .poll('c1', 'read_committed', 1),
    'payments-1 at 0, value b of producer p: c read on at 1',
  ],
  [
    'order',
    new Story().send('a1').send('b0').final('b0 a1'),
    'payments-0 at 0, value b of producer p: it was sent after value a, which is at 1',
  ],
  ['lost-offset', new Story().commit(3, 'ok').finalCommit(2), 'payments-0 at 2: group g: 3 was acknowledged'],
  [
    'phantom-offset',
    new Story().commit(3, 'ok').commit(9, 'failed').finalCommit(9),
    'payments-0 at 9: group g: nobody committed it; 3 was acknowledged',
  ],
  [
    'phantom-offset',
    inTransaction(new Story()).end('t', 'aborted').commit(4, 'ok', 't').final('').final('', 1).finalCommit(4),
    'payments-0 at 4: group g: nobody committed it; none was acknowledged',
  ],
]

for (const [kind, story, words] of planted)
  test(`${kind}: ${words}`, () => assert.equal(found(story), [`${kind}: ${words}`]))

test('a position moves a consumer, and only that', () => {
  const moved = three().poll('a0 b1')
  moved.positioned({ consumer: 'c', topic, partition: 0, offset: 0 })
  assert.equal(found(moved.poll('a0 b1 c2').final('a0 b1 c2')), [])
})

test('what no final read covers is said, not passed over', () => {
  assert.equal(checkHistory(three().final('a0 b1 c2')).unreadPartitions, [])
  assert.equal(checkHistory(three()).unreadPartitions, ['payments-0'])
})

test('one record taken out of a long history is found, wherever it was', () => {
  const clean = new CleanHistory(3, 2).run(20_000)
  for (const [partition, read] of clean.finalReads.entries()) {
    for (const index of [0, read.records.length >> 1, read.records.length - 1]) {
      const gone = read.records[index] as SeenRecord
      const without = read.records.filter((record) => record !== gone)
      const finalReads = clean.finalReads.map((other) => (other === read ? { ...read, records: without } : other))
      const { anomalies } = checkHistory({ ...clean, finalReads })
      const lost = anomalies.filter(({ kind }) => kind === 'lost' || kind === 'unseen')
      assert.equal(
        lost.map((anomaly) => [anomaly.partition, anomaly.offset, anomaly.value]),
        [[partition, gone.offset, gone.value]],
      )
    }
  }
})

test.run()
