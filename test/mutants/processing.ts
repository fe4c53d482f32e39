import type { Mutant } from './mutant.ts'

const inTransactions = 'client/process/in-transactions.ts'
const commits = 'process/commits.test.ts'

export const PROCESSING: readonly Mutant[] = [
  {
    name: 'a batch whose output is refused in its transaction is passed over',
    file: inTransactions,
    find: `      await transaction.sendOffsets(consumer as never, batch as never)
      if (handled.status === 'rejected') throw handled.reason
      const { records } = handled.value
      done = handled.value.done
      if (records.length > 0) await transaction.send(records)
`,
    put: `      if (handled.status === 'rejected') throw handled.reason
      const { records } = handled.value
      done = handled.value.done
      if (records.length > 0) await transaction.send(records)
      await transaction.sendOffsets(consumer as never, batch as never)
`,
    tests: [commits],
  },
]
