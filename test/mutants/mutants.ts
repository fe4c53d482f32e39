import { BEHAVIOURS } from './behaviours.ts'
import { COMPACTION } from './compaction.ts'
import { COMPRESSION } from './compression.ts'
import { FAILURES } from './failures.ts'
import { IMPORT } from './import.ts'
import { KEEPING } from './keeping.ts'
import { KERNEL } from './kernel/all.ts'
import { MOMENTS } from './moments.ts'
import type { Mutant } from './mutant.ts'
import { RECOVERY } from './recovery.ts'
import { SALVAGE } from './salvage.ts'
import { SEGMENTS } from './segments.ts'
import { SHARING } from './sharing.ts'

const engine = 'engine/transactions.test.ts'
const regressions = 'regressions/transactions.test.ts'
const idempotence = 'regressions/idempotence.test.ts'
const offsets = 'client/transaction-offsets.test.ts'
const contract = 'client/transaction.test.ts'
const queue = 'client/producer-queue.test.ts'
const groups = 'coordinator/group/groups.test.ts'
const table = 'coordinator/transaction/transactions.test.ts'
const firstQuestion = 'guarantees/1-what-a-broker-guarantees.test.ts'

const reserveAndFence = 'log/store/reserve-and-fence.test.ts'

const transacting = 'engine/transacting.ts'
const transactions = 'coordinator/transaction/transactions.ts'
const groupTable = 'coordinator/group/groups.ts'
const partition = 'log/partition/partition.ts'
const commits = 'engine/commit-queue.ts'
const openTransaction = 'client/transaction/open-transaction.ts'

const PRODUCERS: readonly Mutant[] = [
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
    find: 'if (verdict >= 0) {',
    put: 'if (verdict > 1e15) {',
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
    file: 'client/producer/record-accumulator.ts',
    find: ' || shared.accumulator.isFenced',
    put: '',
    tests: [queue],
  },
  {
    name: 'a producer that is closed ends the session of those beside it',
    file: 'client/producer/record-accumulator.ts',
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
]

const TRANSACTIONS: readonly Mutant[] = [
  {
    name: 'an append needs no open transaction',
    file: 'engine/appending.ts',
    find: 'isTransactional ? transacting.admit(hosted, producerId, request.producerEpoch) : undefined',
    put: 'undefined',
    tests: [engine],
  },
  {
    name: 'an append of another epoch joins the open transaction',
    file: transactions,
    find: "if (open !== undefined && open.producerEpoch === producerEpoch && open.state === 'Ongoing') return open",
    put: "if (open !== undefined && open.state === 'Ongoing') return open",
    tests: [regressions],
  },
  {
    name: 'a new instance fences nobody',
    file: transactions,
    find: '    open.isFenced = true\n',
    put: '',
    tests: [table],
  },
  {
    name: 'a transaction does not raise the epoch',
    file: transactions,
    find: '      : { producerId, producerEpoch: markerEpoch }\n    const record',
    put: '      : { producerId, producerEpoch }\n    const record',
    tests: [table],
  },
  {
    name: 'epochs run over',
    file: 'coordinator/transaction/transaction-entry.ts',
    find: 'return producerEpoch >= LAST_EPOCH',
    put: 'return producerEpoch > LAST_EPOCH + 1',
    tests: [table],
  },
  {
    name: 'readers go past the last stable offset',
    file: 'log/partition/last-stable-offset.ts',
    find: 'Math.min(this.#open.lowest(this.#watermarks.highWatermark), this.#heldOffset)',
    put: 'this.#watermarks.highWatermark',
    tests: [engine],
  },
  {
    name: 'partitions show a commit one after the other',
    file: commits,
    find: '      hosted.partition.holdStable()\n',
    put: '',
    tests: [regressions],
  },
  {
    name: 'aborted records are not filtered',
    file: partition,
    find: 'return { ...read, batches: withoutAborted(read.batches, aborted) }',
    put: 'return read',
    tests: [engine],
  },
  {
    name: 'the filter takes all transactions of a producer that aborted one',
    file: 'log/partition/abort-filter.ts',
    find: 'return (own?.[0]?.firstOffset ?? Number.POSITIVE_INFINITY) > baseOffset',
    put: 'return own === undefined',
    tests: [engine],
  },
  {
    name: 'markers do not close the transaction in their partition',
    file: partition,
    find: 'const firstOffset = this.#open.end(producerId)',
    put: 'const firstOffset = this.#open.firstOffsetOf(producerId)',
    tests: [engine],
  },
  {
    name: 'markers leave the old epoch in their partition',
    file: 'log/partition/marker.ts',
    find: 'return { producerId, producerEpoch, coordinatorEpoch, currentTransactionFirstOffset: -1, batches: [] }',
    put: 'return { producerId, producerEpoch: producerEpoch - 1, coordinatorEpoch, currentTransactionFirstOffset: -1, batches: [] }',
    tests: [idempotence],
  },
  {
    name: 'markers reach their segment before their frame',
    file: 'log/store/group-commit.ts',
    find: '    const sequence = yield* journal.writeFrame()\n',
    put: `    for (const decision of set.decisions) yield* this.#parts.reserve.guard(() => this.#place(decision, 0))
    set = { ...set, decisions: [] }
    const sequence = yield* journal.writeFrame()
`,
    tests: [regressions],
  },
  {
    name: 'appends go on while a marker is on its way to their partition',
    file: commits,
    find: '      hosted.queue ??= []\n',
    put: '      hosted.queue ??= undefined\n',
    tests: [engine],
  },
  {
    name: 'recovery aborts nothing',
    file: transacting,
    find: 'for (const plan of plans) this.#decide(plan, () => {})',
    put: '',
    tests: [engine],
  },
  {
    name: 'recovery does not raise the epoch',
    file: transactions,
    find: 'Math.max(open.producerEpoch, entry?.producerEpoch ?? 0) + 1',
    put: 'Math.max(open.producerEpoch, entry?.producerEpoch ?? 0)',
    tests: [table],
  },
  {
    name: 'the recorded decision answers nobody',
    file: transactions,
    find: "if (answer === 'repeat') return { producerId: entry.producerId, producerEpoch: entry.producerEpoch }",
    put: "if (answer === 'repeat') throw this.#refusal(instance)",
    tests: [engine],
  },
  {
    name: 'a commit that was aborted is answered as done',
    file: 'coordinator/transaction/transaction-state.ts',
    find: "return event === 'abort' ? 'repeat' : 'TRANSACTION_ABORTABLE'",
    put: "return 'repeat'",
    tests: ['coordinator/transaction/transaction-state.test.ts'],
  },
  {
    name: "a commit that races the clock's abort is called misuse",
    file: 'coordinator/transaction/transaction-state.ts',
    find: "    commit: 'TRANSACTION_ABORTABLE',\n    abort: 'CONCURRENT_TRANSACTIONS',",
    put: "    commit: 'INVALID_TXN_STATE',\n    abort: 'CONCURRENT_TRANSACTIONS',",
    tests: [regressions],
  },
  {
    name: 'transactions have no timeout',
    file: 'coordinator/transaction/open-transactions.ts',
    find: 'const expired = ongoing.filter((open) => open.deadline <= now)',
    put: 'const expired = ongoing.filter(() => false)',
    tests: [engine],
  },
  {
    name: 'a close gives an open transaction its time again',
    file: transactions,
    find: "state: 'Ongoing', partitions, startMs: open.startMs, lastUpdateMs: now",
    put: "state: 'Ongoing', partitions, startMs: now, lastUpdateMs: now",
    tests: [engine],
  },
  {
    name: 'timeouts follow the wall clock',
    file: 'engine/scheduler.ts',
    find: '      this.#engine.clockMoved(jumpMs)\n',
    put: '',
    tests: ['engine/clock.test.ts'],
  },
  {
    name: 'an id expires with its transaction open',
    file: transactions,
    find: ' && this.#openOfId(entry) === undefined\n      return isIdle',
    put: '\n      return isIdle',
    tests: [table],
  },
  {
    name: 'a large transaction waits for its commit as a whole',
    file: transacting,
    find: 'for (const each of spilling.partitions) this.#hooks.wantDurable(each)',
    put: '',
    tests: [engine],
  },
]

const OFFSETS: readonly Mutant[] = [
  {
    name: 'offsets of a transaction count at once',
    file: transacting,
    find: '    open.hasOffsets = true\n',
    put: `    this.#hooks.change({ offsets: groups.planPending(instance.producerId), done: () => {} })
    open.hasOffsets = true
`,
    tests: [engine],
  },
  {
    name: 'offsets are not fenced by the generation',
    file: groupTable,
    find: '    group.assertGeneration(generation)\n    this.#pending.add',
    put: '    this.#pending.add',
    tests: [engine],
  },
  {
    name: 'offsets of a stranger are taken',
    file: groupTable,
    find: '    if (!group.has(memberId)) throw unknownMember(groupId, memberId)\n',
    put: '',
    tests: [engine],
  },
  {
    name: 'an abort keeps the offsets for the next commit',
    file: transacting,
    find: 'if (!isCommit) groups.dropPending(producerId)',
    put: '',
    tests: [regressions],
  },
  {
    name: 'a plain commit does not overtake the offsets of a transaction',
    file: groupTable,
    find: '    this.#pending.overtaken(offsets)\n',
    put: '',
    tests: [regressions],
  },
  {
    name: 'who joins does not wait for offsets that are not decided',
    file: transacting,
    find: 'if (!at.some(({ topicId, partition }) => groups.isPending(groupId, topicId, partition))) return done(undefined)',
    put: 'if (at.length >= 0) return done(undefined)',
    tests: ['guarantees/6-acknowledged-only-with-the-transaction.test.ts'],
  },
  {
    name: 'a plain commit of an old generation is taken',
    file: groupTable,
    find: "    group.checked(memberId, 'commit')\n    group.assertGeneration(generation)\n",
    put: "    group.checked(memberId, 'commit')\n",
    tests: [groups],
  },
]

const CLIENTS: readonly Mutant[] = [
  {
    name: 'no rewind after an abort',
    file: openTransaction,
    find: 'for (const offsets of this.#offsets.splice(0)) offsets.aborted()',
    put: '',
    tests: [offsets],
  },
  {
    name: 'a batch that another run commits is delivered again',
    file: 'client/consumer/assigned-partition.ts',
    find: '    if (this.#position < nextOffset && nextOffset <= this.#rewoundFrom) this.#moveTo(nextOffset)\n',
    put: '',
    tests: [offsets],
  },
  {
    name: 'sendOffsets passes unfinished records',
    file: 'client/consumer/assigned-partition.ts',
    find: 'if (unfinishedOffset === undefined || nextOffset <= unfinishedOffset) return',
    put: 'if (nextOffset >= 0) return',
    tests: [offsets],
  },
  {
    name: 'a send that failed unawaited is committed over',
    file: openTransaction,
    find: '      if (this.#failure !== undefined) throw this.#failure.error\n',
    put: '',
    tests: [contract],
  },
  {
    name: 'a commit does not wait for the sends made inside',
    file: openTransaction,
    find: '      if (this.#calls.size > 0) await this.#settle()\n',
    put: '',
    tests: [contract],
  },
  {
    name: 'work that throws is committed',
    file: 'client/transaction/transactional-producer.ts',
    find: 'await transaction[Symbol.asyncDispose]().catch(() => {})\n      throw error',
    put: 'await transaction.commit().catch(() => {})\n      throw error',
    tests: [contract],
  },
  {
    name: 'a second transaction at once',
    file: 'client/transaction/transactional-producer.ts',
    find: '    if (!this.#isBusy) return\n',
    put: '    if (!this.#isFenced) return\n',
    tests: [contract],
  },
  {
    name: 'state is written outside of the transaction',
    file: 'client/process/batch-work.ts',
    find: '    if (all.length > 0) await sender.send(all)\n',
    put: `    const changes = stores.changes()
    const { LogProducer } = await import('../producer/producer.ts')
    if (changes.length > 0) await new LogProducer(this.#broker, this.#port, {}, () => {}).send(changes)
    if (outputs.flat().length > 0) await sender.send(outputs.flat())
`,
    tests: ['process/process.test.ts'],
  },
  {
    name: 'state of a transaction that failed is kept in memory',
    file: 'client/process/process.ts',
    find: '          this.#state.forget([batch.partition])\n',
    put: '',
    tests: ['process/process.test.ts'],
  },
  {
    name: 'positions of ingest are taken for decisions at recovery',
    file: 'log/catalogue/topic-ids.ts',
    find: 'topicId !== INTERNAL_TOPIC_IDS[POSITIONS_TOPIC] && ',
    put: '',
    tests: [engine],
  },
  {
    name: 'rows are ingested without their position',
    file: 'client/process/ingest.ts',
    find: 'await Promise.all([producer.send(records), sends.append({ ...place, records: [record] })])',
    put: 'await producer.send(records)',
    tests: ['process/ingest.test.ts'],
  },
]

const STORE: readonly Mutant[] = [
  {
    name: "another opening's generation is overlooked",
    file: 'log/journal/journal.ts',
    find: '    if (header?.generation === this.#header.generation) return\n',
    put: '    if (header !== undefined) return\n',
    tests: [reserveAndFence],
  },
  {
    name: 'a full disk gives up no reserve',
    file: 'log/store/disk-reserve.ts',
    find: '      yield* this.#release(0)\n      return yield* work()\n',
    put: '      throw error\n',
    tests: [reserveAndFence],
  },
  {
    name: 'headers that can be gone through once are lost behind a first send',
    file: 'client/producer/producer.ts',
    find: '{ ...record, headers }\n',
    put: '{ ...record, headers: headers && record.headers }\n',
    tests: ['damage/odd-values.test.ts'],
  },
]

export const MUTANTS: readonly Mutant[] = [
  ...PRODUCERS,
  ...TRANSACTIONS,
  ...OFFSETS,
  ...CLIENTS,
  ...SEGMENTS,
  ...STORE,
  ...MOMENTS,
  ...RECOVERY,
  ...KEEPING,
  ...COMPACTION,
  ...COMPRESSION,
  ...IMPORT,
  ...SALVAGE,
  ...FAILURES,
  ...BEHAVIOURS,
  ...SHARING,
  ...KERNEL,
]
