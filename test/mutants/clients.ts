import type { Mutant } from './mutant.ts'

const engine = 'engine/transactions.test.ts'
const offsets = 'client/transaction-offsets.test.ts'
const contract = 'client/transaction.test.ts'
const commits = 'process/commits.test.ts'
const closes = 'process/close.test.ts'
const inTransactions = 'client/process/in-transactions.ts'
const openTransaction = 'client/transaction/open-transaction.ts'

export const CLIENTS: readonly Mutant[] = [
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
    find: '      if (this.#calls.size > 0) await this.#awaitCalls()\n',
    put: '',
    tests: [contract],
  },
  {
    name: 'work that throws is committed',
    file: 'client/transaction/transactional-producer.ts',
    find: 'await transaction[Symbol.asyncDispose]().catch(() => {})\n',
    put: 'await transaction.commit().catch(() => {})\n',
    tests: [contract],
  },
  {
    name: 'work is run again though it may have been committed',
    file: 'client/transaction/transactional-producer.ts',
    find: ' || mayBeCommitted ||',
    put: ' ||',
    tests: ['client/lost-begin.test.ts'],
  },
  {
    name: 'a commit that waited for a producer id is decided beside another one of the same transaction',
    file: 'engine/transacting.ts',
    find: '      if (planned !== undefined) return',
    put: '      if (planned === null) return',
    tests: ['regressions/transactions.test.ts'],
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
    find: '    for (const change of state.changes()) records.push(change)\n',
    put: `    const { LogProducer } = await import('../producer/producer.ts')
    const { Accumulators } = await import('../producer/record-accumulator.ts')
    const changes = state.changes()
    const producer = new LogProducer(new Accumulators(this.#broker, this.#port), this.#port, {})
    if (changes.length > 0) await producer.send(changes)
`,
    tests: ['process/process.test.ts'],
  },
  {
    name: 'state of a transaction that failed is kept in memory',
    file: inTransactions,
    find: '    this.#parts.states.forget([batch.partition])\n',
    put: '',
    tests: ['process/process.test.ts', commits],
  },
  {
    name: 'a batch is handled once the one before is committed',
    file: inTransactions,
    find: '        const state = await states.of(batch.partition, signal)\n',
    put: '        await this.#awaitCommit()\n        const state = await states.of(batch.partition, signal)\n',
    tests: [commits],
  },
  {
    name: 'the next batch doesn’t see state that is being committed',
    file: 'client/process/keyed-state.ts',
    find: '    const change = this.sent?.changeOf(key)\n',
    put: '    const change = this.sent && undefined as Change | undefined\n',
    tests: [commits],
  },
  {
    name: 'a batch behind an aborted one is committed',
    file: inTransactions,
    find: '          if (samePlace(before, batch) && consumer.comesAgain(batch)) return batch\n',
    put: '',
    tests: [commits],
  },
  {
    name: 'a batch that comes behind what another member committed is passed over for what was aborted before',
    file: inTransactions,
    find: 'samePlace(before, batch) && consumer.comesAgain(batch)',
    put: 'samePlace(before, batch) && consumer !== undefined',
    tests: [commits],
  },
  {
    name: 'another input of the same state counts as it was handled on what was aborted',
    file: inTransactions,
    find: '          if (before.partition === batch.partition) continue\n',
    put: '',
    tests: [commits],
  },
  {
    name: 'the consumer goes to the rest of a batch whose first records may be aborted',
    file: inTransactions,
    find: 'return done === batch || (await this.#awaitCommit()) ? done : batch',
    put: 'return done',
    tests: [commits],
  },
  {
    name: 'a batch that is there again is handled before it is known why',
    file: inTransactions,
    find: '        if (this.#isAgain(batch)) await this.#awaitCommit()\n',
    put: '',
    tests: [commits],
  },
  {
    name: 'a commit that fails for good while its processor closes is told to nobody',
    file: inTransactions,
    find: '    if (!isPassing(error)) throw error\n    throwIfAborted(signal)\n',
    put: '    throwIfAborted(signal)\n    if (!isPassing(error)) throw error\n',
    tests: [closes],
  },
  {
    name: 'what an ingest gives up with while it closes is told to nobody',
    file: 'client/process/ingest.ts',
    find: 'if (isPassing(error) || isFenced(error)) throwIfAborted(signal)',
    put: 'throwIfAborted(signal)',
    tests: [closes],
  },
  {
    name: 'state outlives its changelog',
    file: inTransactions,
    find: '      await states.assertThere(state)\n',
    put: '',
    tests: ['process/topics.test.ts'],
  },
  {
    name: 'an input that is made again ends its processor',
    file: inTransactions,
    find: "  if (LogError.is(error, 'UNKNOWN_TOPIC_ID')) return true\n",
    put: '',
    tests: ['process/topics.test.ts'],
  },
  {
    name: 'nothing else has its turn while a batch is handled',
    file: 'client/process/cooperative-yield.ts',
    find: 'const SPELL_MS = 1\n',
    put: 'const SPELL_MS = Number.POSITIVE_INFINITY\n',
    tests: [commits],
  },
  {
    name: 'nothing else has its turn while records are handled at once',
    file: 'client/process/key-order.ts',
    find: 'this.#begun.size > 0 ? this.#slice.yieldIfDue() : undefined',
    put: 'undefined as Promise<void> | undefined',
    tests: [commits],
  },
  {
    name: 'a read that finds no memory ends its processor',
    file: 'client/process/process.ts',
    find: '++this.#failedReads > FAILED_READS_MAX',
    put: '++this.#failedReads > 0',
    tests: ['process/refusals.test.ts'],
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
  {
    name: 'an interrupt between two waits of a join is lost',
    file: 'client/consumer/interruptible-waits.ts',
    find: '    if (this.#isOver()) giveUp()\n',
    put: '',
    tests: ['client/consumer.test.ts'],
  },
  {
    name: 'a field is given the room that its class says',
    file: 'kernel/batch-builder.ts',
    find: 'Math.min(viewLength(value), lengthMax)',
    put: 'Math.min(value.length, lengthMax)',
    tests: ['client/changed-buffers.test.ts'],
  },
  {
    name: 'a holder takes what a channel brings twice',
    file: 'engine/remote/served-channel.ts',
    find: 'this.#isOver || this.#isRepeated(call, method)',
    put: 'this.#isOver',
    tests: ['remote/late-copies.test.ts'],
  },
  {
    name: 'calls keep their numbers on the next channel',
    file: 'engine/remote/link.ts',
    find: '    this.#numberAnew()',
    put: '    void this.#numberAnew',
    tests: ['remote/late-copies.test.ts'],
  },
  {
    name: 'a holder serves clients of another version',
    file: 'engine/remote/served-channel.ts',
    find: 'version !== PROTOCOL_VERSION',
    put: 'false',
    tests: ['remote/other-version.test.ts'],
  },
  {
    name: 'a call gets the number of one that still waits',
    file: 'engine/remote/call-numbers.ts',
    find: 'pending.has(call)',
    put: 'pending.has(0)',
    tests: ['remote/late-copies.test.ts'],
  },
  {
    name: 'a takeover that met a full disk ends the log',
    file: 'engine/remote/link.ts',
    find: "this.#hasGreeted && LogError.is(error) && error.category === 'retriable'",
    put: 'false',
    tests: ['remote/takeover.test.ts'],
  },
  {
    name: 'the memory of a message is used again before its call is answered',
    file: 'engine/remote/served-channel.ts',
    find: '      .finally(release)\n',
    put: '      .finally(() => {})\n    release()\n',
    tests: ['simulation/channel.test.ts'],
  },
  {
    name: 'the rest of a replaced channel is served',
    file: 'engine/remote/served-channel.ts',
    find: '    this.#replaceOlder()\n',
    put: '',
    tests: ['remote/late-copies.test.ts'],
  },
]
