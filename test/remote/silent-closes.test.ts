// A holder that falls silent, as one that is stopped does, while something is being closed or a log opened: both hear
// of it after some seconds, and nothing is lost that the holder may still answer.
import { rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import { ensureTopics } from '../../bindings/client/admin/ensure-topics.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { listenForAttached } from '../../bindings/engine/remote/local-socket.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { openShared } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { SharedBroker } from '../../bindings/entry/embedded/shared-broker.ts'
import { LogError, open, string, topic } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'
import { FakePort, settle } from '../client/fake-port.ts'
import { gate } from '../client/support.ts'
import { scratchDirectory } from '../scratch.ts'
import { hearing, held, inUse, optionsOf, Place } from './support.ts'

const facts = topic('facts', { key: string, value: string })
const record = { topic: 'facts', key: 'k', value: 'v' }
/** One second until the holder is asked for a sign of life, five until it counts as silent. */
const SILENT_MS = 6000

/** A log that is attached to another one. */
async function stood() {
  const [place, port] = [new Place(), new FakePort()]
  const holder = await held(new MemoryStore())
  place.noted = 7
  await place.listen((channel) => new ServedChannel(channel, holder.broker, holder.recovery, new Set()))
  const shared = new SharedBroker(optionsOf(place, async () => Promise.reject(inUse(7)), port))
  await shared.open()
  const log = new BrokerLog(shared, port)
  await log.admin.createTopic('facts')
  await log.producer().send(record)
  return {
    ...{ place, port, shared, log },
    stop() {
      place.fate = () => 'unanswered'
    },
    async close() {
      const closing = log.close()
      await port.advance(20_000)
      await closing
      await holder.broker.close()
    },
  }
}

type Stand = Awaited<ReturnType<typeof stood>>

/** How a promise has settled by now. */
function watched(promise: Promise<unknown>): { told: unknown } {
  const seen: { told: unknown } = { told: 'pending' }
  promise.then(
    () => {
      seen.told = 'done'
    },
    (error: unknown) => {
      seen.told = LogError.is(error) ? (error as LogError).code : error
    },
  )
  return seen
}

/** Answers what is closed then. `stop`: the holder falls silent. */
type Begin = (stand: Stand) => Promise<{ close(): Promise<void> }>

const ENDINGS: Record<string, Begin> = {
  'a producer with a record under way': async ({ log, place }) => {
    const producer = log.producer()
    await producer.send(record)
    place.fate = () => 'unanswered'
    producer.send(record).catch(() => {})
    return producer
  },
  'a transactional producer with an open transaction': async (stand) => {
    const producer = stand.log.producer({ transactionalId: 'id' })
    await producer.beginTransaction()
    stand.stop()
    return producer
  },
  'a consumer whose handler commits': async (stand) => {
    const consumer = stand.log.consumer({ groupId: 'g', topics: ['facts'] })
    for await (const _ of consumer) break
    consumer.on('revoked', (given) =>
      consumer.commit(
        given.map((at) => ({ ...at, nextOffset: 1 })),
        { allowSkip: true },
      ),
    )
    stand.stop()
    return consumer
  },
  'a processor in a transaction': async (stand) => {
    const begun = gate()
    const handle = async () => {
      stand.stop()
      begun.open()
    }
    const processor = stand.log.process({ groupId: 'g', topics: ['facts'], handle })
    processor.done.catch(() => {})
    await begun.opened
    await settle()
    return processor
  },
}

for (const [what, begin] of Object.entries(ENDINGS)) {
  test(`the close of ${what} rejects once its holder gave no sign of life for 5 s, and the log closes as well`, async () => {
    const stand = await stood()
    const closing = (await begin(stand)).close()
    const seen = watched(closing)
    await stand.port.advance(SILENT_MS - 1)
    assert.is(seen.told, 'pending')
    await stand.port.advance(1)
    assert.is(seen.told, 'NETWORK_EXCEPTION')
    const message = await closing.catch(String)
    assert.match(String(message), /another one has it, which gave no sign of life for 5 s: continue it \(kill -CONT\)/)
    await stand.close()
  })
}

test('what its producer had sent is written when the holder goes on', async () => {
  const stand = await stood()
  const { port, log, place } = stand
  const producer = log.producer()
  await producer.send(record)
  place.fate = (method) => (method === 'append' || method === 'wake' ? 'unanswered' : 'served')
  const sent = watched(producer.send(record))
  const closed = watched(producer.close())
  await port.advance(SILENT_MS)
  assert.equal([sent.told, closed.told], ['pending', 'NETWORK_EXCEPTION'])
  const { listening } = place
  place.fate = () => 'served'
  place.cut()
  place.listening = listening
  await port.advance(1000)
  assert.is(sent.told, 'done')
  await stand.close()
})

test('a close waits for a holder that answers, however long that takes, and asks nothing of it where it ends at once', async () => {
  const stand = await stood()
  const { place, port, log } = stand
  const asked: string[] = []
  place.fate = (method) => {
    asked.push(method)
    return method === 'append' ? 'unanswered' : 'served'
  }
  const quick = log.producer()
  await quick.close()
  assert.equal(asked, [])
  const producer = log.producer()
  producer.send(record).catch(() => {})
  const closed = watched(producer.close())
  await port.advance(60_000)
  assert.is(closed.told, 'pending')
  assert.ok(asked.filter((method) => method === 'wake').length > 10)
  stand.stop()
  await stand.close()
})

test('the close of a log waits once for a holder that is silent, not again for what its producers gave up', async () => {
  const stand = await stood()
  const { port, log } = stand
  const producer = log.producer()
  await producer.send(record)
  stand.stop()
  const sent = watched(producer.send(record))
  const closed = watched(log.close())
  await port.advance(4999)
  assert.equal([sent.told, closed.told], ['pending', 'pending'])
  await port.advance(1)
  assert.equal([sent.told, closed.told], ['NETWORK_EXCEPTION', 'done'])
  await stand.close()
})

test('fifty thousand closes at once ask for one sign of life', async () => {
  const stand = await stood()
  const { place, port, shared } = stand
  let asked = 0
  place.fate = (method) => {
    if (method === 'wake') asked++
    return 'unanswered'
  }
  const closes = Array.from({ length: 50_000 }, () => shared.whileAnswered(new Promise(() => {})))
  const told = Promise.allSettled(closes)
  await port.advance(SILENT_MS)
  assert.ok((await told).every(({ status }) => status === 'rejected'))
  assert.is(asked, 1)
  await stand.close()
})

test('a share consumer that waits for records closes within 5 s, and its iteration ends', async () => {
  const stand = await stood()
  const consumer = stand.log.shareConsumer({ groupId: 'g', topics: ['facts'] })
  const iteration = consumer[Symbol.asyncIterator]()
  await iteration.next()
  const next = watched(iteration.next())
  await settle()
  stand.stop()
  const closed = watched(consumer.close())
  await stand.port.advance(4999)
  assert.is(closed.told, 'pending')
  await stand.port.advance(1)
  assert.equal([closed.told, next.told], ['done', 'done'])
  await stand.close()
})

for (const method of ['listTopics', 'describeTopic', 'createTopic']) {
  test(`an opening is told who holds the directory where it falls silent at ${method}, and then waits for nothing more`, async () => {
    const stand = await stood()
    const { place, port, shared } = stand
    let isSilent = false
    place.fate = (asked) => {
      isSilent ||= asked === method
      return isSilent ? 'unanswered' : 'served'
    }
    const opening = shared.opening(ensureTopics(shared.admin, [facts, topic('more', { value: string })]))
    const seen = watched(opening)
    await port.advance(SILENT_MS - 1)
    assert.is(seen.told, 'pending')
    await port.advance(1)
    assert.is(seen.told, 'DIRECTORY_IN_USE')
    assert.match(String(await opening.catch(String)), /didn't answer within 5 s/)
    const closed = watched(shared.close())
    await settle()
    assert.is(closed.told, 'done')
    await stand.close()
  })
}

/** Twenty seconds pass in one: a holder in this process greets in a twentieth of its time. */
const quickPort: RuntimePort = {
  ...nodePort,
  setTimer: (delayMs, callback, options) => nodePort.setTimer(delayMs / 20, callback, options),
}

test('open itself rejects where its holder falls silent after it has greeted', async () => {
  const directory = scratchDirectory('silent-open')
  await (await open(directory)).close()
  const { broker, recovery } = await held(new MemoryStore())
  const unanswered: string[] = []
  const channels: Channel[] = []
  const listener = await listenForAttached(directory, (channel) => {
    const onlyGreets = hearing(channel, (method) => {
      if (method !== 'hello') unanswered.push(method)
      return method === 'hello'
    })
    channels.push(channel)
    new ServedChannel(onlyGreets, broker, recovery, new Set())
  })
  const leave = () => {
    listener.close()
    for (const channel of channels) channel.end()
  }
  // An open that waited without limit is told: its holder goes then, and it takes the log over.
  const late = setTimeout(leave, 10_000)
  const store = () => createDirectoryStore(directory)
  const error = await openShared(directory, store, quickPort, { topics: [facts] }).then(
    (log) => log.close(),
    (told: unknown) => told,
  )
  clearTimeout(late)
  assert.ok(LogError.is(error, 'DIRECTORY_IN_USE'), String(error))
  assert.equal(unanswered.slice(0, 2), ['listTopics', 'wake'])
  leave()
  await broker.close()
  rmSync(directory, { recursive: true, force: true })
})

test.run()
