import { LAST_EPOCH } from '../../../../bindings/coordinator/transaction/transaction-entry.ts'
import { encodeTransaction } from '../../../../bindings/coordinator/transaction/transaction-record.ts'
import { Transactions } from '../../../../bindings/coordinator/transaction/transactions.ts'
import { replace } from '../../fault-tools.ts'
import type { SimulatedProcess } from '../process.ts'
import { drawPlain, drawStamped, follow, produce, transact, transactionalId } from '../programs.ts'
import { PARTITIONS, topicConfig, type World } from '../world.ts'
import { judgeEnd } from './judge-plain.ts'
import { judgeTimes } from './judge-times.ts'
import { sendLast } from './last-sends.ts'
import { judgeHistory, readTopic, type Story, seenFromStart } from './story.ts'

async function prepare({ log }: SimulatedProcess, world: World): Promise<void> {
  const { topicCompression } = world.plan.settings
  const config = topicConfig(world, { 'compression.type': topicCompression })
  await log.admin.createTopic('t', { partitions: PARTITIONS, config })
}

/** What both stories have; `transactionalIds`: under which everybody may go on in the end. */
function plainStory(transactionalIds: readonly string[] = []): Omit<Story, 'program'> {
  const reached = new Map<string, number>()
  return {
    prepare,
    follow(process, world) {
      const seen = seenFromStart(world, 't')
      return follow(process, world, 't', (reader, partition, isolation, records) => {
        seen(reader, partition, isolation, records)
        reached.set(`${process.name}/${partition}`, records.at(-1)?.offset ?? -1)
      })
    },
    settle: (processes, world) => sendLast(processes, world, reached, transactionalIds),
    async end(process, world) {
      world.recording.finalReads.push(...(await readTopic(process, world, 't')))
      await judgeTimes(process, world)
    },
    judge: (world) => [...judgeHistory(world), ...judgeEnd(world.recording, 'plain')],
  }
}

/** Plain sends with both `acks`, and readers. */
export function producersStory(): Story {
  return { ...plainStory(), program: (process, world) => produce(process, world, drawStamped) }
}

/** Transactions over the partitions of a topic, two processes under one id, and readers. */
export function transactionsStory(): Story {
  const common = plainStory([0, 1].map(transactionalId))
  return {
    ...common,
    async prepare(process, world) {
      await prepare(process, world)
      if (world.plan.settings.epochsLeft !== undefined) await nearLastEpoch(process, world.plan.settings.epochsLeft)
    },
    program: (process, world, slot) => transact(process, world, slot, drawPlain),
    async end(process, world) {
      await common.end(process, world)
      const { epochsLeft } = world.plan.settings
      if (epochsLeft === undefined) return
      const known = await process.log.admin.listTransactions()
      const isHigh = (epoch: number) => epoch >= LAST_EPOCH - epochsLeft
      if (known.some(({ producerEpoch }) => !isHigh(producerEpoch))) world.mark('epoch overflow')
    },
  }
}

/** Stored as if so many transactions of each id were over that only a few epochs of its producer id are left. */
async function nearLastEpoch({ log }: SimulatedProcess, epochsLeft: number): Promise<void> {
  const mend = replace(
    Transactions.prototype,
    'planInit',
    (before) =>
      function (this: Transactions, request) {
        const plan = before.call(this, request)
        const { transactionalId: id, timeoutMs, now } = request
        const stored = encodeTransaction({
          ...{ kind: 'transaction-stored', transactionalId: id, timeoutMs, state: 'Empty', partitions: [] },
          ...{ lastUpdateMs: now, startMs: -1, previousProducerId: -1 },
          producerId: plan.instance.producerId,
          producerEpoch: LAST_EPOCH - epochsLeft,
        })
        // The table knows its record by the object.
        Object.assign(plan.records[0] ?? {}, { value: stored.value })
        return plan
      },
  )
  try {
    for (const slot of [0, 1]) {
      const producer = log.producer({ transactionalId: transactionalId(slot) })
      await (await producer.beginTransaction()).abort()
      await producer.close()
    }
  } finally {
    mend()
  }
}
