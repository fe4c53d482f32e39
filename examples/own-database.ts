// Into your own database, exactly once: the position is kept where the rows are, and changes together with them.
//
//   node --import tsx examples/own-database.ts [directory]
//
// The database here is one JSON file that is replaced as a whole; with SQL, rows and position go into one transaction.
// The first reader stops after a few batches without a word to the log; the second goes on where the database says.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { json, type Log, open, type Position, topic, unchecked } from 'oncelog'

interface Payment {
  readonly account: string
  readonly cents: number
}
const payments = topic('payments', { value: unchecked<Payment>(json()), partitions: 2 })

interface Database {
  balances: Record<string, number>
  positions: Position[]
}

class JsonDatabase {
  readonly #path: string
  readonly content: Database

  constructor(path: string) {
    this.#path = path
    this.content = existsSync(path)
      ? (JSON.parse(readFileSync(path, 'utf8')) as Database)
      : { balances: {}, positions: [] }
  }

  /** All or nothing: whoever opens the file finds the old content or the new one. */
  save(): void {
    const file = openSync(`${this.#path}.new`, 'w')
    writeFileSync(file, JSON.stringify(this.content))
    fsyncSync(file)
    closeSync(file)
    renameSync(`${this.#path}.new`, this.#path)
  }
}

async function fill(log: Log, path: string, batches: number): Promise<void> {
  const database = new JsonDatabase(path)
  const { balances } = database.content
  const consumer = log.consumer({
    groupId: 'balances',
    topics: [payments],
    // Asked whenever partitions are assigned; a partition without a position starts at its beginning.
    positions: async () => database.content.positions,
  })
  let count = 0
  for await (const batch of consumer.batches({ maxRecords: 10 })) {
    for (const { value } of batch) {
      if (value !== null) balances[value.account] = (balances[value.account] ?? 0) + value.cents
    }
    const { topic, partition, nextOffset } = batch
    const others = database.content.positions.filter((each) => each.partition !== partition)
    database.content.positions = [...others, { topic, partition, nextOffset }]
    database.save()
    const isAtEnd = [...(await consumer.lag()).values()].every((lag) => lag === 0)
    if (++count === batches || isAtEnd) break
  }
  await consumer.close()
}

const directory = process.argv[2] ?? './data'
const path = join(dirname(directory), 'balances.json')
const log = await open(directory, { topics: [payments] })
try {
  const accounts = ['ada', 'bob', 'eve']
  const list = Array.from({ length: 100 }, (_, index) => ({ account: accounts[index % 3] ?? '', cents: index }))
  await log.producer().send(list.map((value) => payments.record({ key: value.account, value })))
  await fill(log, path, 3)
  await fill(log, path, Number.POSITIVE_INFINITY)
  for (const account of accounts) console.log(account, new JsonDatabase(path).content.balances[account])
} finally {
  await log.close()
}
