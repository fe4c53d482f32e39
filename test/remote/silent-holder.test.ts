// A holder that falls silent, as one that is stopped does, at each request of a call in turn: a call that takes a
// signal hears it all the same, and an iteration can be left.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { SharedBroker } from '../../bindings/entry/embedded/shared-broker.ts'
import { string, topic } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { hastyPort, held, inUse, optionsOf, Place, turns } from './support.ts'

const facts = topic('facts', { key: string, value: string })
const record = { topic: 'facts', key: 'k', value: 'v' }
/** Nothing takes so long here; a call that hears nothing would take for ever. */
const DEAF_MS = 10_000

type Call = (log: BrokerLog, signal: AbortSignal) => Promise<unknown>

async function all(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

const group = (signal?: AbortSignal) => ({ groupId: 'g', topics: ['facts'], signal }) as const

const CALLS: Record<string, Call> = {
  'a read': (log, signal) => all(log.read('facts', { signal })),
  'a read to the end': (log, signal) => all(log.read('facts', { until: 'end', signal })),
  'a table': (log, signal) => log.table(facts, { signal }),
  'a consumer': (log, signal) => all(log.consumer(group(signal))),
  batches: (log, signal) => all(log.consumer(group()).batches({ signal })),
  'a share consumer': (log, signal) => all(log.shareConsumer(group(signal))),
  'a flush': async (log, signal) => {
    const producer = log.producer()
    producer.send(record).catch(() => {})
    await producer.flush({ signal })
  },
  // Once its record is buffered the signal doesn't end it: nobody could say whether it is written.
  'a send of an unknown topic': (log, signal) => log.producer().send({ ...record, topic: 'none' }, { signal }),
  'a begin': (log, signal) => log.producer({ transactionalId: 'id' }).beginTransaction({ signal }),
  'a transaction': (log, signal) => {
    const work = async (transaction: { send(given: typeof record): Promise<unknown> }) => transaction.send(record)
    return log.producer({ transactionalId: 'id', transactionTimeoutMs: 900_000 }).transaction(work, { signal })
  },
}

/** Their first `next` waits for records that don't come, or for the holder. */
const ITERATIONS: Record<string, (log: BrokerLog) => AsyncIterable<unknown>> = {
  'a read': (log) => log.read('facts', { from: 'latest' }),
  'a read from a time': (log) => log.read('facts', { from: { timestamp: 1e15 } }),
  'a read to the end': (log) => log.read('facts', { from: 'latest', until: 'end' }),
  'a read of batches': (log) => log.read('facts', { from: 'latest' }).batches(),
  'a consumer': (log) => log.consumer({ ...group(), autoOffsetReset: 'latest' }),
  'a share consumer': (log) => log.shareConsumer({ ...group(), autoOffsetReset: 'latest' }),
  'a share consumer with dead letters': (log) =>
    log.shareConsumer({ ...group(), autoOffsetReset: 'latest', deadLetter: 'letters' }),
}

async function attachedTo(place: Place): Promise<BrokerLog> {
  const { broker, recovery } = await held(new MemoryStore())
  await broker.admin.createTopic('facts', { partitions: 1, config: { 'cleanup.policy': 'compact' } })
  await broker.admin.createTopic('letters', { partitions: 1, config: {} })
  place.listen((channel) => new ServedChannel(channel, broker, recovery, new Set())).catch(assert.unreachable)
  const shared = new SharedBroker(optionsOf(place, async () => Promise.reject(inUse()), hastyPort))
  await shared.open()
  const log = new BrokerLog(shared, hastyPort)
  await log.producer().send(record)
  return log
}

interface Outcome {
  /** The first request that the holder didn't answer. */
  readonly silent: string | undefined
  readonly told: unknown
}

/** The outcome of the call where the holder answers so many of its requests. */
async function outcome(call: Call, answered: number): Promise<Outcome> {
  const place = new Place()
  const log = await attachedTo(place)
  let silent: string | undefined
  let requests = 0
  place.fate = (method) => {
    if (requests++ < answered) return 'served'
    silent ??= method
    return 'unanswered'
  }
  const controller = new AbortController()
  const told = call(log, controller.signal).then(
    () => 'ended',
    (error: unknown) => error,
  )
  await turns(30)
  controller.abort('the reason')
  let cancel = () => {}
  const deaf = new Promise((resolve) => {
    const timer = setTimeout(resolve, DEAF_MS, 'deaf')
    cancel = () => clearTimeout(timer)
  })
  const first = await Promise.race([told, deaf])
  // A socket would keep the process alive meanwhile.
  await log.close()
  cancel()
  return { silent, told: first }
}

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name} hears its signal`, async () => {
    for (let answered = 0; ; answered++) {
      const { silent, told } = await outcome(call, answered)
      if (silent === undefined) break
      // What it still says to the holder after its end, or after its signal.
      if (told === 'ended' || silent === 'close' || silent === 'wake') continue
      assert.is(told, 'the reason', `at ${silent}, request ${answered}`)
    }
  })
}

async function leave(items: AsyncIterable<unknown>, signal: AbortSignal): Promise<unknown> {
  const iterator = items[Symbol.asyncIterator]()
  const next = iterator.next()
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  await iterator.return?.()
  return next
}

for (const [name, begin] of Object.entries(ITERATIONS)) {
  test(`${name} can be left`, async () => {
    for (let answered = 0; ; answered++) {
      const { silent, told } = await outcome((log, signal) => leave(begin(log), signal), answered)
      if (silent === undefined) break
      assert.is(told, 'ended', `at ${silent}, request ${answered}`)
      if (silent === 'close' || silent === 'wake') break
    }
  })
}

test.run()
