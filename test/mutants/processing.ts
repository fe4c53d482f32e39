import type { Mutant } from './mutant.ts'

const inTransactions = 'client/process/in-transactions.ts'
const commits = 'process/commits.test.ts'
const inputsBeside = 'process/inputs-beside.test.ts'
const movedPartitions = 'process/moved-partitions.test.ts'

export const PROCESSING: readonly Mutant[] = [
  {
    name: 'an ingest begins behind a position that an older run of its source still moves',
    file: 'client/process/ingest.ts',
    find: `    await this.#session.ready().catch((error: unknown) => {
      throw this.#inItsWords(error)
    })
    const items = this.#itemsAfter(await this.#lastPosition(signal), signal)
`,
    put: `    const position = await this.#lastPosition(signal)
    await this.#session.ready().catch((error: unknown) => {
      throw this.#inItsWords(error)
    })
    const items = this.#itemsAfter(position, signal)
`,
    tests: ['process/ingest.test.ts'],
  },
  {
    name: 'a part of what was sent ends a processor that delivers at least once',
    file: 'client/process/process.ts',
    find: 'this.#port, {}, { isWhole: true })',
    put: 'this.#port, {})',
    tests: ['process/at-least-once.test.ts'],
  },
  {
    name: 'a member that was put out changes state of those that went on',
    file: 'client/process/at-least-once.ts',
    find: ' || this.#parts.signal.isPutOut',
    put: '',
    tests: ['process/at-least-once.test.ts'],
  },
  {
    name: 'a member that was put out while it is closed changes state of those that went on',
    file: 'client/process/work-signal.ts',
    find: '    this.#isPutOut = true\n',
    put: '    this.#isPutOut = !this.#isOver\n',
    tests: ['process/at-least-once.test.ts'],
  },
  {
    name: 'state goes on in a changelog that was made again as one that loses it',
    file: 'client/process/restored-states.ts',
    find: '    await abortable(this.#checkChangelogs(), signal)\n',
    put: '',
    tests: ['process/topics.test.ts'],
  },
  {
    name: 'rows for more partitions than a transaction has room for end an ingest',
    file: 'client/process/ingest.ts',
    find: "batch.length === 1 || !LogError.is(error, 'RECORD_LIST_TOO_LARGE')",
    put: 'batch.length > 0',
    tests: ['limits/transaction-partitions.test.ts'],
  },
  {
    name: 'a table that its signal has stopped tells what it had read by then',
    file: 'client/process/table.ts',
    find: '    this.#failure = { error: this.#signal && abortReason(this.#signal) }\n',
    put: '',
    tests: ['process/table.test.ts'],
  },
  {
    name: 'a batch whose output is refused in its transaction is passed over',
    file: inTransactions,
    find: `      await transaction.sendOffsets(consumer as never, batch as never)
      if (outcome.status === 'rejected') throw outcome.reason
      const { records } = outcome.value
      done = outcome.value.done
      if (records.length > 0) await transaction.send(records)
`,
    put: `      if (outcome.status === 'rejected') throw outcome.reason
      const { records } = outcome.value
      done = outcome.value.done
      if (records.length > 0) await transaction.send(records)
      await transaction.sendOffsets(consumer as never, batch as never)
`,
    tests: [commits],
  },
  {
    name: 'what a record sets by a value that another one has changed meanwhile counts',
    file: 'client/process/batch-work.ts',
    find: '        if (state.areStale(layers)) continue\n        state.take(layers)\n',
    put: '        state.take(layers)\n',
    tests: ['process/concurrency.test.ts'],
  },
  {
    name: 'state of a partition that was given up counts once it is there again',
    file: 'client/process/process.ts',
    find: '(partitions) => this.#states.forget(partitions.map(({ partition }) => partition))',
    put: '() => {}',
    tests: [movedPartitions],
  },
  {
    name: 'a member of which another one has part of the inputs works on them',
    file: 'client/process/process.ts',
    find: '      this.#states.checkShare(names, consumer.assignment())\n    })',
    put: '    })',
    tests: ['process/process.test.ts'],
  },
  {
    name: 'values that retention removes while they are read stay',
    file: 'client/process/partition-values.ts',
    find: '    each.values.clear()\n    each.nextOffset = logStartOffset\n',
    put: '    each.nextOffset = logStartOffset\n',
    tests: ['process/partition-values.test.ts'],
  },
  {
    name: 'state of a batch is gone once the next one is committed',
    file: inTransactions,
    find: '      await committed\n      handled.state.committed()\n',
    put: '      await committed\n',
    tests: [commits],
  },
  {
    name: 'a batch whose neighbour was aborted is handled over its own first changes',
    file: inTransactions,
    find: " || before?.partition !== batch.partition) return 'nothing'",
    put: " || before === undefined) return 'nothing'",
    tests: [inputsBeside],
  },
  {
    name: 'the rest of what handle gave is read once the log has answered',
    file: 'client/process/output-check.ts',
    find: 'return this.#goOn(rest, copies)',
    put: 'return this.#goOn(records, copies)',
    tests: ['process/outputs.test.ts'],
  },
]
