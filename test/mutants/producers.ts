import type { Mutant } from './mutant.ts'

const badRecords = 'client/bad-records.test.ts'
const engine = 'engine/transactions.test.ts'
const idempotence = 'regressions/idempotence.test.ts'
const queue = 'client/producer-queue.test.ts'
const firstQuestion = 'guarantees/1-what-a-broker-guarantees.test.ts'
const partition = 'log/partition/partition.ts'

export const PRODUCERS: readonly Mutant[] = [
  {
    name: 'what names a partition that another process added is refused by what was known before',
    file: 'engine/remote/known-topics.ts',
    find: 'known === undefined || partition >= known.partitions',
    put: 'known === undefined',
    tests: ['remote/new-partitions.test.ts'],
  },
  {
    name: 'a list whose first record goes to an old partition knows no new one',
    file: 'client/producer/place-records.ts',
    find: ' || (record.partition ?? 0) >= rules.partitions',
    put: '',
    tests: ['remote/new-partitions.test.ts'],
  },
  {
    name: 'producers: a clock that is put forward has them forgotten',
    file: 'engine/producer-expiry.ts',
    find: '    return now - this.#movedMs\n',
    put: '    return now\n',
    tests: ['engine/producer-expiry.test.ts'],
  },
  {
    name: 'a gap in the sequences is taken',
    file: partition,
    find: 'if (verdict !== SEQUENCE_ACCEPTED) throw',
    put: 'if (verdict === SEQUENCE_STALE_EPOCH) throw',
    tests: [idempotence],
  },
  {
    name: 'a stale epoch is taken',
    file: partition,
    find: 'if (verdict !== SEQUENCE_ACCEPTED) throw',
    put: 'if (verdict !== SEQUENCE_ACCEPTED && verdict !== SEQUENCE_STALE_EPOCH) throw',
    tests: [idempotence],
  },
  {
    name: 'a duplicate is no duplicate',
    file: partition,
    find: 'if (verdict >= 0) return',
    put: 'if (verdict > 1e15) return',
    tests: [idempotence],
  },
  {
    name: 'sequences are not remembered over a restart',
    file: partition,
    find: 'if (!this.#producers.load(producer)) throw',
    put: "if (this.id.topic !== 't' && !this.#producers.load(producer)) throw",
    tests: ['guarantees/4-sending-exactly-once.test.ts'],
  },
  {
    name: "a send pays for another's wrong record",
    file: 'client/producer/partition-queue.ts',
    find: 'batch.parts.length > 1 && isOfRecords(error)',
    put: 'batch.parts.length < 0',
    tests: [queue],
  },
  {
    name: 'an id that was fenced is given to new producers',
    file: 'client/producer/accumulators.ts',
    find: ' || shared.accumulator.isFenced',
    put: '',
    tests: [queue],
  },
  {
    name: 'a producer that is closed ends the session of those beside it',
    file: 'client/producer/accumulators.ts',
    find: '      if (--taken.users > 0) return\n',
    put: '',
    tests: ['client/producer.test.ts'],
  },
  {
    name: 'producer ids are handed out before they are reserved',
    file: 'engine/producer-ids.ts',
    find: '    this.#end = next\n',
    put: '    this.#end = next + 1000\n',
    tests: [idempotence],
  },
  {
    name: 'a send outside the open transaction of its producer is taken',
    file: partition,
    find: 'if (!request.isTransactional && this.hasOpenTransaction(producerId)) throw sentOutside(this.id, producerId)',
    put: '',
    tests: [engine],
  },
  {
    name: "acks 'all' is answered before its flush",
    file: 'engine/appending.ts',
    find: 'hosted.durable.add(nextOffset, answer)',
    put: 'answer(undefined)',
    tests: [firstQuestion],
  },
  {
    name: 'the frame is not flushed',
    file: 'log/journal/journal.ts',
    find: "    yield* perform('flush', place.file.path, () => place.file.flush())\n",
    put: '',
    tests: [firstQuestion],
  },
  {
    name: 'no offset ceiling: what was shown may be given again',
    file: 'log/store/group-commit.ts',
    find: 'frame.ceiling(id, ceiling)',
    put: '',
    tests: [firstQuestion],
  },
  {
    name: 'records that were lent are kept for later',
    file: 'engine/appending.ts',
    find: 'if (command.isBorrowed === true) return done(mustWait)',
    put: 'if (command.isBorrowed === null) return done(mustWait)',
    tests: ['client/borrowed-sends.test.ts'],
  },
  {
    name: 'a batch that was handed over is asked for again',
    file: 'client/producer/partition-queue.ts',
    find: 'const mayAsk = !batch.isHandedOver && isWorthAsking(error)',
    put: 'const mayAsk = isWorthAsking(error)',
    tests: ['client/borrowed-sends.test.ts'],
  },
  {
    name: 'a call that was lent passes what waits before it',
    file: 'client/producer/partition-queue.ts',
    find: 'const isWhole = this.#waiting.length === 0 && ',
    put: 'const isWhole = ',
    tests: ['client/borrowed-sends.test.ts'],
  },
  {
    name: 'the places of a call in several batches begin anew with each',
    file: 'client/producer/borrowed-records.ts',
    find: 'const first = from',
    put: 'const first = 0 * from',
    tests: ['client/cut-sends.test.ts'],
  },
  {
    name: 'a call hears of its second batch alone',
    file: 'client/producer/borrowed-records.ts',
    find: 'if (taken === 0) throw error',
    put: 'throw error',
    tests: ['client/cut-sends.test.ts'],
  },
  {
    name: 'a packed call goes out beside those that its own records sent',
    file: 'client/producer/partition-queue.ts',
    find: 'if (packed === undefined || !this.isOpen || records.length !== count) return false',
    put: 'if (packed === undefined || records.length !== count) return false',
    tests: ['client/packed-sends.test.ts'],
  },
  {
    name: 'a packed call whose list changed meanwhile is answered as it was',
    file: 'client/producer/partition-queue.ts',
    find: 'if (packed === undefined || !this.isOpen || records.length !== count) return false',
    put: 'if (packed === undefined || !this.isOpen) return false',
    tests: ['client/packed-sends.test.ts'],
  },
  {
    name: 'bytes may answer another length than theirs',
    file: 'client/producer/validate-record.ts',
    find: ' && saysItsLength(value)',
    put: '',
    tests: [badRecords],
  },
  {
    name: 'a call that is lent may hold what is no bytes',
    file: 'model/view-length.ts',
    find: "  if (!(view instanceof Uint8Array)) throw new TypeError('no bytes')\n",
    put: '',
    tests: [badRecords],
  },
  {
    name: 'a call in several batches hears of a wrong record when the first is written',
    file: 'client/producer/borrowed-records.ts',
    find: '    if (!records.every(isPlain)) return undefined\n',
    put: '',
    tests: [badRecords],
  },
  {
    name: 'a copied record loses what it inherits',
    file: 'client/record-fields.ts',
    find: 'withInherited({ ...record }, record)',
    put: '{ ...record }',
    tests: [badRecords],
  },
  {
    name: 'more batches follow an unanswered one than the log remembers',
    file: 'client/producer/unanswered-batches.ts',
    find: 'return oldest === undefined || this.#numbered - oldest.ordinal < unansweredMax',
    put: 'return oldest === undefined || this.#batches.length < unansweredMax',
    tests: ['client/producer-queue.test.ts'],
  },
  {
    name: 'when a producer’s last transaction ended is not known behind a close',
    file: 'log/checkpoint/checkpoint-record.ts',
    find: 'writer.int64(producer.markerTimestamp ?? -1)',
    put: 'writer.int64(-1)',
    tests: ['engine/snapshots-of-transactions.test.ts'],
  },
  {
    name: 'a snapshot of a segment that a recovery begins says that what its first marker ends was not open',
    file: 'log/recovery/recovered-end.ts',
    find: `    let sealed = sealedOf(batch)
    if (`,
    put: `    let sealed = sealedOf(batch)
    this.producers.endsTransaction(header, batch.bytes)
    if (`,
    tests: ['engine/snapshots-of-transactions.test.ts'],
  },
]
