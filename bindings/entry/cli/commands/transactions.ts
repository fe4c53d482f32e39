import type { Command } from 'commander'
import type { TransactionDescription } from '../../node.ts'
import { countFrom } from '../arguments.ts'
import { defaultList } from '../default-list.ts'
import { below } from '../help.ts'
import { withLog, withView } from '../open.ts'
import { type Outcome, print, type Row, say } from '../output.ts'
import { type CommandCall, run } from '../run.ts'

export function addTransactions(program: Command): void {
  const transactions = program
    .command('transactions')
    .description('list, describe and abort transactions, fence and show producers')
    .addHelpText(
      'after',
      below(`
list, describe and producers write nothing. They ask the program that holds the log. If there is none, or it lets nobody
attach (it opened the log with exclusive, is stopped, or has another version of oncelog), they show what a restart at
this moment would find: it aborts every open transaction.

Examples:
  oncelog transactions
  oncelog transactions list --open-for 60000 --json
  oncelog transactions producers payments
  oncelog transactions abort settle-1`),
    )
  defaultList(transactions)
    .description('all transactional ids with their state')
    .option(
      '--open-for <ms>',
      'only those whose transaction has been open for at least this many milliseconds',
      countFrom(0),
    )
    .action(run(listTransactions))
  transactions
    .command('describe <transactional-id>')
    .description('its producer, and the partitions of its open transaction')
    .action(run(describeTransaction))
  transactions
    .command('producers <topic>')
    .description('who writes to each partition, and whose transaction holds readers back')
    .action(run(showProducers))
  transactions
    .command('abort <transactional-id>')
    .description('abort the open transaction; the next call of its producer says so, and it can go on')
    .action(run(abortTransaction))
  transactions
    .command('fence <transactional-id...>')
    .description('end the producers of these ids, and abort their open transactions')
    .action(run(fenceProducers))
}

function listTransactions(call: CommandCall): Promise<void> {
  const openForMs = call.options['openFor'] as number | undefined
  return withView(call, async ({ admin }) => {
    const all = await admin.listTransactions()
    const wanted = all.filter(({ startTimestamp }) => {
      return openForMs === undefined || (startTimestamp !== undefined && startTimestamp <= Date.now() - openForMs)
    })
    print(wanted.map(call.isJson ? withNulls : rowOf), call.isJson, 'no transactions')
  })
}

function describeTransaction(call: CommandCall): Promise<void> {
  const { isJson } = call
  const [transactionalId = ''] = call.args
  return withView(call, async ({ admin }) => {
    const found = await admin.describeTransactions([transactionalId])
    print(found.map(isJson ? withNulls : rowOf), isJson)
    const rows = (found[0]?.partitions ?? []).map((at) => ({ ...at }))
    if (!isJson && rows.length > 0) print(rows, isJson)
  })
}

function showProducers(call: CommandCall): Promise<void> {
  const [topic = ''] = call.args
  return withView(call, async ({ admin }) => {
    const { partitions } = await admin.describeTopic(topic)
    const at = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    const found = await admin.describeProducers(at)
    const rows = found.flatMap(({ partition, producers }) => {
      return producers.map((producer) => ({ topic, partition, ...withNulls(producer) }))
    })
    print(rows, call.isJson, 'no producers')
  })
}

function abortTransaction(call: CommandCall): Promise<Outcome> {
  const [transactionalId = ''] = call.args
  return withLog(call, async ({ admin }) => {
    await admin.abortTransaction(transactionalId)
    return say(`aborted the transaction of ${transactionalId}`, { transactionalId, aborted: true }, call.isJson)
  })
}

function fenceProducers(call: CommandCall): Promise<Outcome> {
  const transactionalIds = [...new Set(call.args)]
  return withLog(call, async ({ admin }) => {
    await admin.fenceProducers(transactionalIds)
    for (const transactionalId of transactionalIds) {
      say(`fenced ${transactionalId}`, { transactionalId, fenced: true }, call.isJson)
    }
    return { sentence: `fenced ${transactionalIds.join(', ')}`, facts: { transactionalIds, fenced: true } }
  })
}

function rowOf({ partitions, startTimestamp, transactionalId, state, ...facts }: TransactionDescription): Row {
  const started = startTimestamp === undefined ? null : new Date(startTimestamp).toISOString()
  return { transactionalId, state, ...facts, started, partitions: partitions.length }
}

/** Every row has the same columns. */
function withNulls(row: object): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? null]))
}
