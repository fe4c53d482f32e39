// Partitions move between members, whose records are in transactions that end late: each record still reaches a member.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Assignor } from '../../bindings/client/consumer/assignor.ts'
import type { Consumer, EmbeddedLog, Transaction } from '../../bindings/entry/node.ts'
import { LogError, openMemory } from '../../bindings/entry/node.ts'
import { type Random, randomOf } from '../log/catalogue/random.ts'
import { text } from './support.ts'

const [SEEDS = 40, FIRST_SEED = 1] = process.argv.slice(2).map(Number)
const STEPS = 60
const PARTITIONS = 2
const MEMBERS_MAX = 3
/** So many turns of the event loop later a record that hasn't come never comes. */
const TURNS_MAX = 2000

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await turn()
}

type Delivered = Parameters<Consumer['commit']>[0]

/** Each time it is asked, anybody may get anything. */
function wildAssignor(random: Random): Assignor {
  return {
    name: 'wild',
    assign(members, counts) {
      const plan = new Map(members.map(({ memberId }) => [memberId, [] as { topic: string; partition: number }[]]))
      const all = [...plan.values()]
      for (const [topic, count] of counts) {
        for (let partition = 0; partition < count; partition++) random.pick(all).push({ topic, partition })
      }
      return plan
    },
  }
}

/** A member that reads, and commits some of it. */
class Member {
  readonly consumer: Consumer<'t'>
  readonly reading: Promise<void>
  newest: Delivered | undefined

  constructor(log: EmbeddedLog, assignor: Assignor, random: Random, seen: Set<string>) {
    this.consumer = log.consumer({ groupId: 'g', topics: ['t'], assignor })
    this.reading = this.#read(random, seen)
  }

  async #read(random: Random, seen: Set<string>): Promise<void> {
    for await (const record of this.consumer) {
      seen.add(text(record.value) ?? '')
      this.newest = record
      if (random.below(2) > 0) await refusable(this.consumer.commit(record))
    }
  }

  async close(): Promise<void> {
    await this.consumer.close()
    await this.reading
  }
}

/** What another step may have made impossible. */
async function refusable(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!LogError.is(error)) throw error
  })
}

async function life(seed: number): Promise<void> {
  const random = randomOf(seed)
  const log = await openMemory()
  await log.admin.createTopic('t', { partitions: PARTITIONS })
  const producer = log.producer()
  const assignor = wildAssignor(random)
  const seen = new Set<string>()
  const members: Member[] = []
  const transactions: Transaction[] = []
  let count = 0
  let ids = 0
  const send = (partition: number) => producer.send({ topic: 't', partition, value: `${count++}` })
  const steps: readonly (() => Promise<unknown>)[] = [
    () => send(random.below(PARTITIONS)),
    async () => members.length < MEMBERS_MAX && members.push(new Member(log, assignor, random, seen)),
    async () => members.length > 1 && members.splice(random.below(members.length), 1)[0]?.close(),
    async () => {
      const member = members[random.below(members.length || 1)]
      if (member?.newest === undefined) return
      const transactionalId = `${ids++}`
      const transaction = await log.producer({ transactionalId }).beginTransaction()
      transactions.push(transaction)
      await refusable(transaction.sendOffsets(member.consumer, member.newest as never))
    },
    () => refusable(log.admin.abortTransaction(`${random.below(ids + 1)}`)),
    async () => transactions.length > 0 && refusable(random.pick(transactions).abort()),
  ]
  const underWay: Promise<unknown>[] = []
  for (let step = 0; step < STEPS; step++) {
    underWay.push(random.pick(steps)())
    await turns(random.below(4))
  }
  if (members.length === 0) members.push(new Member(log, assignor, random, seen))
  for (let id = 0; id < ids; id++) await refusable(log.admin.abortTransaction(`${id}`))
  await turns(50)
  for (const transaction of transactions) await refusable(transaction.abort())
  await turns(50)
  for (let partition = 0; partition < PARTITIONS; partition++) await send(partition)
  for (let left = TURNS_MAX; left > 0 && seen.size < count; left--) await turn()
  assert.is(seen.size, count, `seed ${seed}`)
  await Promise.all(members.map((member) => member.close()))
  await Promise.all(underWay)
  await log.close()
}

test('whoever has a partition gets each record of it', async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) await life(seed)
})

test.run()
