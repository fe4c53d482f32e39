import type { Mutant } from './mutant.ts'

const engine = 'engine/transactions.test.ts'
const offsets = 'client/transaction-offsets.test.ts'
const contract = 'client/transaction.test.ts'
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
    find: '      if (this.#calls.size > 0) await this.#settle()\n',
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
