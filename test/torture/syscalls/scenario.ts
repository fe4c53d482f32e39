// One short life of a log, call after call: opened, written to in every way, rolled, checkpointed, compacted, closed.
// Whatever is refused is told, and the next call goes on.

import type { BrokerLog } from '../../../bindings/client/log.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { LedgerWriter } from '../ledger.ts'
import { TOPICS } from '../victim/topics.ts'
import { openWatched } from '../victim/watched-log.ts'

const [directory = '', ledgerPath = '', name = ''] = process.argv.slice(2)
const ledger = new LedgerWriter(ledgerPath)
const SENDS = 12
const LARGE_BYTES = 18_000
/** A compaction comes meanwhile. */
const REST_MS = 80

/** False when it was refused. */
async function told(call: () => Promise<void>): Promise<boolean> {
  try {
    await call()
    return true
  } catch (error) {
    if (!LogError.is(error)) throw error
    ledger.tell({ refused: error.code })
    return false
  }
}

async function send(log: BrokerLog, topic: 'plain' | 'relaxed', count: number): Promise<void> {
  const producer = log.producer({ acks: topic === 'plain' ? 'all' : 1 })
  for (let number = 0; number < count; number++) {
    const value = `${name} ${number}`
    const bytes = value.padEnd(number === count - 1 ? LARGE_BYTES : 2000)
    const isSent = await told(async () => {
      const { offset } = await producer.send({ topic, partition: 0, value: bytes })
      ledger.tell({ at: topic, partition: 0, offset, value, how: topic === 'plain' ? 'power' : 'process' })
    })
    if (!isSent) ledger.tell({ unsent: topic, partition: 0, value })
  }
}

/** Numbers grow all life long: what was refused may be written, and is then the newest of its key. */
async function sendKeys(log: BrokerLog, from: number): Promise<void> {
  const producer = log.producer()
  for (let number = from; number < from + SENDS; number++) {
    const key = `${number % 3}`
    const records = Array.from({ length: 8 }, (_, at) => ({ topic: 'latest', key, value: `${name} ${number}.${at}` }))
    await told(async () => {
      await producer.send(records)
      ledger.tell({ key, value: `${name} ${number}.7` })
    })
  }
}

async function transact(log: BrokerLog): Promise<void> {
  for (let number = 0; number < 3; number++) {
    const value = `${name} ${number}`
    await told(async () => {
      const producer = log.producer({ transactionalId: 'scenario' })
      await producer.transaction(async (transaction) => {
        await transaction.send([0, 1].map((partition) => ({ topic: 'both', partition, value })))
      })
      ledger.tell({ transaction: value })
      await producer.close()
    })
  }
}

async function live(log: BrokerLog): Promise<void> {
  for (const topic of ['plain', 'relaxed', 'both', 'latest']) {
    await told(async () => {
      if (!(await log.admin.listTopics()).includes(topic)) await log.admin.createTopic(topic, TOPICS[topic])
    })
  }
  await send(log, 'plain', SENDS)
  await send(log, 'relaxed', SENDS)
  await sendKeys(log, 0)
  await transact(log)
  await new Promise((resolve) => setTimeout(resolve, REST_MS))
  await sendKeys(log, SENDS)
}

await told(async () => {
  const { log } = await openWatched(directory, undefined)
  await live(log)
  await told(() => log.close())
})
process.exit(0)
