// Sums of numbers, kept by a processor whose commits the test decides: what it wrote tells which batches counted.
import { setTimeout as wait } from 'node:timers/promises'
import type { TransactionalSession } from '../../bindings/broker/transactional-session.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import {
  json,
  type Log,
  LogError,
  type ProcessOptions,
  store,
  string,
  type Topic,
  topic,
  unchecked,
} from '../../bindings/entry/node.ts'
import type { OpenBroker } from '../client/stores.ts'

export const numbers: Topic<'numbers', string, string, number, number> = topic('numbers', {
  value: unchecked<number>(json()),
})
export const others: Topic<'others', string, string, number, number> = topic('others', {
  value: unchecked<number>(json()),
})
const sums = topic('sums', {
  key: string,
  value: unchecked<number>(json()),
  config: { 'cleanup.policy': 'compact' },
})
export const out: Topic<'out', string, string, number, number> = topic('out', { value: unchecked<number>(json()) })

/** Changes each session that a transactional producer, a processor's too, gets. */
export function changeSessions(broker: EmbeddedBroker, change: (session: TransactionalSession) => void): void {
  const openProducer = broker.openTransactionalProducer.bind(broker)
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    change(session)
    return session
  }
}

/** `commit` runs in place of the processor's own, which it is given. */
export async function openedOver(
  openBroker: OpenBroker,
  commit: (own: () => Promise<void>, number: number) => Promise<void>,
  partitions = 1,
): Promise<Log> {
  const broker = await openBroker()
  let commits = 0
  changeSessions(broker, (session) => {
    const own = session.commit.bind(session)
    session.commit = () => commit(own, ++commits)
  })
  const log = new BrokerLog(broker, nodePort)
  for (const each of [numbers, others]) await log.admin.createTopic(each.name, { partitions })
  await log.admin.createTopic(out.name)
  await log.admin.createTopic(sums.name, { partitions, config: { 'cleanup.policy': 'compact' } })
  return log
}

export type Numbers = typeof numbers | typeof others
export type State = { sums: ReturnType<typeof store<'sums', string, number>> }

/** Gives the sum of all numbers so far. */
export function summing(
  handled: number[],
  more: Partial<ProcessOptions<Numbers, State>> = {},
): ProcessOptions<Numbers, State> {
  return {
    groupId: 'group',
    topics: [numbers],
    state: { sums: store(sums) },
    maxRecords: 2,
    async handle({ value }, { state }) {
      const sum = ((await state.sums.get('all')) ?? 0) + (value as number)
      state.sums.set('all', sum)
      handled.push(value as number)
      return out.record({ value: sum })
    },
    ...more,
  }
}

export async function sumsOf(log: Log): Promise<number[]> {
  const seen: number[] = []
  for await (const { value } of log.read(out, { until: 'end' })) seen.push(value as number)
  return seen
}

/** Whether it comes, within half a minute where a busy machine alone could hold it up. */
export async function soon(condition: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<boolean> {
  for (const end = performance.now() + limitMs; performance.now() < end; ) {
    if (await condition()) return true
    await wait(5)
  }
  return false
}

export const abortable = (): LogError => new LogError('TRANSACTION_ABORTABLE', 'by the test')
