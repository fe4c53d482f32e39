// What a partition is: offsets in the order of appends, each batch of a producer once, and who may see which record
// when.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compressRecords } from '../../../bindings/client/producer/compress-records.ts'
import { nodeCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import { failAllocation } from '../../../bindings/kernel/kernel-seams.ts'
import type { Partition } from '../../../bindings/log/partition/partition.ts'
import type { Appended, PartitionAppend } from '../../../bindings/log/partition/partition-append.ts'
import { PartitionFactory } from '../../../bindings/log/partition/partition-factory.ts'
import type { PartitionRead } from '../../../bindings/log/partition/reading.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { parseTopicConfig, type TopicConfig } from '../../../bindings/model/topic-config.ts'
import type { AbortedTransaction, PartitionStore } from '../../../bindings/storage/partition-store.ts'
import type { StoredPartition } from '../../../bindings/storage/stored-state.ts'
import { newKernel } from '../../kernel/support.ts'

const NOW = 1_700_000_000_000
const EMPTY: StoredPartition = {
  id: { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', topic: 't', partition: 0 },
  logStartOffset: 0,
  nextOffset: 0,
  ceiling: 0,
  producers: [],
  maxTimestamp: -1,
  readOnly: false,
}

/** A store that takes batches while its segment has room; what is read of them lies in the partition's memory. */
class Segment {
  hasRoom = true
  readonly aborted: AbortedTransaction[] = []
  readonly store = {
    append: () => this.hasRoom,
    abortedBetween: () => this.aborted,
  } as unknown as PartitionStore
}

class Subject {
  readonly segment = new Segment()
  readonly partition: Partition
  readonly #config: TopicConfig

  constructor(stored: Partial<StoredPartition> = {}, config: TopicConfig = {}) {
    this.partition = new PartitionFactory(newKernel(), this.segment.store, 0).partition({ ...EMPTY, ...stored })
    this.#config = config
  }

  append(values: readonly string[], request: Partial<PartitionAppend> = {}): Appended {
    const appended = this.partition.append({
      records: values.map((value) => ({ value, headers: [] })),
      ...{ producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: false, mayWait: false },
      ...{ leaderEpoch: 0, now: NOW, config: parseTopicConfig(this.#config) },
      ...request,
    })
    if (appended === undefined) throw new Error('the segment has no room')
    return appended
  }

  /** The end of producer 7's transaction, at the end of the partition. */
  end(isCommit: boolean): void {
    const { partition, segment } = this
    const { nextOffset } = partition.watermarks
    const aborted = partition.markerPlaced({ producerId: 7, producerEpoch: 1, isCommit }, nextOffset, 0, 0)
    if (aborted !== undefined) segment.aborted.push(aborted)
  }

  /** Where readers of uncommitted and of committed records come to an end. */
  get ends(): readonly [uncommitted: number, committed: number] {
    return [this.partition.watermarks.highWatermark, this.partition.lastStableOffset]
  }
}

const inTransaction = { isTransactional: true } as const

function valuesOf({ batches }: PartitionRead): string[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.recordCount }, (_, index) => Buffer.from(batch.valueOf(index) ?? []).toString()),
  )
}

function refused(code: string, work: () => unknown): void {
  assert.throws(work, (error: unknown) => LogError.is(error, code))
}

test('records get the next offsets, in the order of the appends', () => {
  const subject = new Subject({ nextOffset: 40 })
  const first = subject.append(['a', 'b'])
  const second = subject.append(['c'], { baseSequence: 2 })
  assert.equal([first.baseOffset, first.nextOffset], [40, 42])
  assert.equal([second.baseOffset, second.nextOffset], [42, 43])
  assert.equal(valuesOf(subject.partition.read(40, 43, 1000)), ['a', 'b', 'c'])
})

test('a batch that comes again is answered with its place, and not written again', () => {
  const subject = new Subject()
  for (const [baseSequence, value] of ['a', 'b', 'c'].entries()) subject.append([value], { baseSequence })
  const again = subject.append(['b'], { baseSequence: 1 })
  assert.equal([again.isDuplicate, again.baseOffset, again.sizeBytes], [true, 1, 0])
  assert.is(subject.partition.watermarks.nextOffset, 3)
})

test('a batch older than the last five is known to be written, but no longer at which offset', () => {
  const subject = new Subject()
  for (let baseSequence = 0; baseSequence < 6; baseSequence++) subject.append(['a'], { baseSequence })
  const again = subject.append(['a'], { baseSequence: 0 })
  assert.equal([again.isDuplicate, again.baseOffset], [true, -1])
})

test('a batch after a gap in its producer’s sequences is refused, and so is one of an older epoch', () => {
  const subject = new Subject()
  subject.append(['a'], { producerEpoch: 1 })
  refused('OUT_OF_ORDER_SEQUENCE_NUMBER', () => subject.append(['c'], { producerEpoch: 1, baseSequence: 2 }))
  refused('INVALID_PRODUCER_EPOCH', () => subject.append(['b'], { baseSequence: 1 }))
  assert.is(subject.append(['b'], { producerEpoch: 1, baseSequence: 1 }).baseOffset, 1, 'the next one is taken')
})

test('if the segment has no room nothing has changed: the next segment takes the same batch', () => {
  const subject = new Subject()
  subject.segment.hasRoom = false
  assert.throws(() => subject.append(['a']), /no room/)
  assert.is(subject.partition.watermarks.nextOffset, 0)
  subject.segment.hasRoom = true
  assert.equal([subject.append(['a']).isDuplicate, subject.partition.watermarks.nextOffset], [false, 1])
})

test('a batch that is too large for its topic is refused, and a damaged partition takes none', () => {
  const small = new Subject({}, { 'max.message.bytes': 100 })
  refused('MESSAGE_TOO_LARGE', () => small.append(['a'.repeat(100)]))
  assert.is(small.append(['a']).baseOffset, 0)
  refused('LOG_READ_ONLY', () => new Subject({ readOnly: true }).partition.assertWritable())
})

test('a record is seen below the ceiling, or once it is durable', () => {
  const subject = new Subject({ ceiling: 1 })
  subject.append(['a', 'b', 'c'])
  assert.equal(subject.ends, [1, 1])
  subject.partition.watermarks.advanceDurable(2)
  assert.equal(subject.ends, [2, 2])
  subject.partition.watermarks.ceiling = 10
  assert.equal(subject.ends, [3, 3])
})

test('a batch that waits for stable storage hides itself and what follows it', () => {
  const subject = new Subject({ ceiling: 10 })
  subject.append(['a'])
  const { baseOffset, nextOffset } = subject.append(['b'], { baseSequence: 1 })
  subject.partition.watermarks.wait(baseOffset, nextOffset)
  subject.append(['c'], { baseSequence: 2 })
  assert.equal(subject.ends, [1, 1])
  subject.partition.watermarks.advanceDurable(2)
  assert.equal(subject.ends, [3, 3])
})

test('an open transaction holds committed readers back at its first record, until its marker stands', () => {
  const subject = new Subject({ ceiling: 10 })
  subject.append(['a'], { producerId: 8 })
  subject.append(['b'], inTransaction)
  subject.append(['c'], { producerId: 8, baseSequence: 1 })
  assert.equal(subject.ends, [3, 1])
  assert.is(subject.partition.oldestOpenProducer, 7)
  subject.end(true)
  assert.equal(subject.ends, [4, 4])
  assert.equal(valuesOf(subject.partition.readCommitted(0, 1000)), ['a', 'b', 'c'])
})

test('committed readers pass over what was aborted, and over markers; uncommitted ones see the records', () => {
  const subject = new Subject({ ceiling: 10 })
  subject.append(['a'], inTransaction)
  subject.append(['b'], { producerId: 8 })
  subject.end(false)
  assert.equal(valuesOf(subject.partition.readCommitted(0, 1000)), ['b'])
  assert.is(subject.partition.readCommitted(0, 1000).nextOffset, 3, 'after the marker')
  assert.equal(valuesOf(subject.partition.read(0, 3, 1000)), ['a', 'b'])
})

test('the abort of a transaction that has nothing here hides nothing of its producer from committed readers', () => {
  const subject = new Subject()
  subject.append(['a'], inTransaction)
  subject.end(true)
  subject.end(false)
  assert.equal(valuesOf(subject.partition.readCommitted(0, 1e6)), ['a'])
})

test('while a decision is under way, committed readers see no further than before', () => {
  const subject = new Subject({ ceiling: 10 })
  subject.append(['a'], inTransaction)
  subject.partition.holdStable()
  subject.end(true)
  assert.equal(subject.ends, [2, 0])
  subject.partition.releaseStable()
  assert.equal(subject.ends, [2, 2])
})

test('a producer that has a transaction open here sends nothing outside of it', () => {
  const subject = new Subject()
  subject.append(['a'], inTransaction)
  refused('INVALID_TXN_STATE', () => subject.append(['b'], { baseSequence: 1 }))
})

test('records without a time get that of their append, all of them where the topic says LogAppendTime', () => {
  const records = [
    { value: 'a', headers: [], timestamp: NOW - 5 },
    { value: 'b', headers: [] },
  ]
  const times = (subject: Subject) => {
    const { appendTime } = subject.append([], { records })
    const [batch] = subject.partition.read(0, 2, 1000).batches
    return [appendTime, batch?.timestampOf(0), batch?.timestampOf(1)]
  }
  assert.equal(times(new Subject()), [NOW, NOW - 5, NOW])
  assert.equal(times(new Subject({}, { 'message.timestamp.type': 'LogAppendTime' })), [NOW, NOW, NOW])
})

test('a producer is forgotten when nothing of it is open, and then begins anew', () => {
  const subject = new Subject()
  subject.append(['a'], inTransaction)
  assert.is(subject.partition.forgetProducer(7), false)
  subject.end(true)
  assert.is(subject.partition.forgetProducer(7), true)
  assert.is(subject.append(['a']).isDuplicate, false)
})

test('a compressed batch that finds no memory to be looked at has tails make room, its own too', () => {
  const kernel = newKernel(undefined, nodeCodecs)
  const factory = new PartitionFactory(kernel, new Segment().store, 0)
  const subject = factory.partition(EMPTY)
  const value = 'x'.repeat(1000)
  const sized = [{ key: null, value, headers: [], sizeBytes: value.length }]
  const records = compressRecords(sized as never, 'gzip', nodeCodecs, NOW)
  if (records === undefined) throw new Error('not compressed')
  const request = { records, producerId: 7, producerEpoch: 0, isTransactional: false, mayWait: false, leaderEpoch: 0 }
  const append = (baseSequence: number) =>
    subject.append({ ...request, baseSequence, now: NOW, config: parseTopicConfig({}) })
  assert.is(append(0)?.baseOffset, 0)
  failAllocation(kernel, 1)
  assert.is(append(1)?.baseOffset, 1)
  assert.equal(valuesOf(subject.read(1, 2, 1000)), [value])
})

// Regression: what it had got so far stayed taken, at each attempt.
test('a partition that finds no memory for all of its producers gives back what it got', () => {
  const kernel = newKernel(1 << 20)
  const producers = Array.from({ length: 4000 }, (_, producerId) => ({
    ...{ producerId, producerEpoch: 0, coordinatorEpoch: -1, currentTransactionFirstOffset: -1 },
    batches: [{ firstSequence: 0, lastSequence: 0, baseOffset: producerId, lastOffset: producerId, timestamp: NOW }],
  }))
  const factory = new PartitionFactory(kernel, new Segment().store, 0)
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.throws(() => factory.partition({ ...EMPTY, producers }), LogError.is)
  }
  const few = factory.partition({ ...EMPTY, producers: producers.slice(0, 1000) })
  assert.is([...few.producers()].length, 1000)
})

test.run()
