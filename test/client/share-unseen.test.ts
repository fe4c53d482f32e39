// Records that were locked and that the program was never given: others have them at once, and that delivery doesn't
// count.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ShareSession } from '../../bindings/broker/share-session.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError, type ShareConsumerOptions, string, topic } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort, settle } from './fake-port.ts'
import { refused } from './share-support.ts'

const names = ['first', 'second', 'dead'] as const
const topics = [topic('first', { value: string }), topic('second', { value: string })]
const options = { groupId: 'g', topics, lockMs: 1000 } as const

interface Setup {
  readonly log: BrokerLog
  readonly port: FakePort
  readonly broker: EmbeddedBroker
  /** Its session is handed over as soon as a consumer opens it. */
  onSession(handler: (session: ShareSession) => void): void
}

async function setup(): Promise<Setup> {
  const port = new FakePort()
  const { broker } = await openHeld(new MemoryStore(), port, {})
  const log = new BrokerLog(broker, port)
  for (const name of names) await log.admin.createTopic(name)
  let handler = (_: ShareSession) => {}
  const openShare = broker.openShare.bind(broker)
  broker.openShare = async (groupId) => {
    const session = await openShare(groupId)
    handler(session)
    return session
  }
  return {
    log,
    port,
    broker,
    onSession: (next) => {
      handler = next
    },
  }
}

/** Calls `then` after the first fetch of the topic. */
function afterFetch(session: ShareSession, name: string, then: () => Promise<unknown>): void {
  const fetch = session.fetch.bind(session)
  session.fetch = async (request) => {
    const parts = await fetch(request)
    if (request.positions[0]?.topic !== name) return parts
    session.fetch = fetch
    await then()
    return parts
  }
}

/** The next records of another consumer, each as topic and delivery count. */
async function others(log: BrokerLog, count: number, more: Partial<ShareConsumerOptions<(typeof topics)[0]>> = {}) {
  const found: unknown[] = []
  for await (const job of log.shareConsumer({ ...options, ...more })) {
    found.push([job.topic, job.deliveryCount])
    if (found.length === count) break
  }
  return found
}

async function aborted(log: BrokerLog, name: string): Promise<void> {
  const transaction = await log.producer({ transactionalId: 't' }).beginTransaction()
  await transaction.send({ topic: name, value: 'never' })
  await transaction.abort()
}

test('a topic that goes while its gaps are skipped takes no records of others along', async () => {
  const { log, onSession } = await setup()
  await aborted(log, 'first')
  await log.producer().send({ topic: 'second', value: 'b' })
  onSession((session) => afterFetch(session, 'first', () => log.admin.deleteTopic('first')))
  const consumer = log.shareConsumer(options)
  const { value: job } = await consumer[Symbol.asyncIterator]().next()
  assert.equal([job?.topic, job?.deliveryCount], ['second', 1])
  await log.close()
})

test('a partition that can’t be read keeps its own records locked, and no others', async () => {
  const { log, onSession } = await setup()
  for (const name of ['first', 'second']) await log.producer().send({ topic: name, value: 'a' })
  onSession((session) => {
    afterFetch(session, 'first', async () => {
      throw new LogError('CORRUPT_MESSAGE', 'a bit flipped')
    })
  })
  const consumer = log.shareConsumer(options)
  assert.is((await refused(consumer[Symbol.asyncIterator]().next())).code, 'CORRUPT_MESSAGE')
  assert.equal(await others(log, 1), [['second', 1]])
  await log.close()
})

test('a dead letter that can’t be written keeps its own record locked, and no others', async () => {
  const { log, port, onSession } = await setup()
  await log.producer().send({ topic: 'first', value: 'a' })
  assert.equal(await others(log, 1), [['first', 1]])
  await port.advance(1000)
  await log.producer().send({ topic: 'second', value: 'b' })
  onSession((session) => afterFetch(session, 'first', () => log.admin.deleteTopic('dead')))
  const consumer = log.shareConsumer({ ...options, maxDeliveries: 1, deadLetter: 'dead' })
  assert.is((await refused(consumer[Symbol.asyncIterator]().next())).code, 'UNKNOWN_TOPIC_OR_PARTITION')
  onSession(() => {})
  assert.equal(await others(log, 1), [['second', 1]])
  await log.close()
})

test('a dead letter that can’t be written keeps none of the records locked that came with its own', async () => {
  const { log, port, onSession } = await setup()
  await log.producer().send(['a', 'b'].map((value) => ({ topic: 'first', value })))
  assert.equal(await others(log, 2), [
    ['first', 1],
    ['first', 1],
  ])
  await port.advance(1000)
  onSession((session) => afterFetch(session, 'first', () => log.admin.deleteTopic('dead')))
  const consumer = log.shareConsumer({ ...options, maxDeliveries: 1, deadLetter: 'dead' })
  assert.is((await refused(consumer[Symbol.asyncIterator]().next())).code, 'UNKNOWN_TOPIC_OR_PARTITION')
  onSession(() => {})
  const rest = others(log, 1)
  const waited = settle().then(() => 'locked')
  assert.equal(await Promise.race([rest, waited]), [['first', 2]])
  await log.close()
})

test('no dead letter is written of a record whose lock ended before its turn', async () => {
  const { log, port, onSession } = await setup()
  await log.producer().send({ topic: 'first', value: 'a' })
  assert.equal(await others(log, 1), [['first', 1]])
  await port.advance(1000)
  let [late, passed]: (Promise<unknown> | undefined)[] = []
  onSession((session) => {
    afterFetch(session, 'first', async () => {
      onSession(() => {})
      late = others(log, 1)
      passed = port.advance(1000)
      await passed
    })
  })
  const consumer = log.shareConsumer({ ...options, maxDeliveries: 1, deadLetter: 'dead' })
  const next = consumer[Symbol.asyncIterator]().next()
  await settle()
  assert.equal(await late, [['first', 3]])
  await passed
  await settle()
  await consumer.close()
  await next
  const [letters] = await log.admin.offsets([{ topic: 'dead', partition: 0 }])
  assert.is(letters?.highWatermark, 0)
  await log.close()
})

test('a close while records are being read releases them unseen', async () => {
  const { log, onSession } = await setup()
  for (const name of ['first', 'second']) await log.producer().send({ topic: name, value: 'a' })
  const consumer = log.shareConsumer(options)
  let closed: Promise<void> | undefined
  onSession((session) => {
    afterFetch(session, 'first', async () => {
      closed = consumer.close()
      await settle()
    })
  })
  assert.is((await consumer[Symbol.asyncIterator]().next()).done, true)
  await closed
  onSession(() => {})
  assert.equal((await others(log, 2)).sort(), [
    ['first', 1],
    ['second', 1],
  ])
  await log.close()
})

/** `a`, an aborted record, its marker, `b`; `then` is called as soon as the gap between the two is acknowledged. */
async function putAroundGap({ log, onSession }: Setup, then: () => void): Promise<void> {
  await log.producer().send({ topic: 'first', value: 'a' })
  await aborted(log, 'first')
  await log.producer().send({ topic: 'first', value: 'b' })
  onSession((session) => {
    onSession(() => {})
    const acknowledge = session.acknowledge.bind(session)
    session.acknowledge = async (request) => {
      await acknowledge(request)
      if (request.type === 'gap') then()
    }
  })
}

test('a close after the first gap of what is being read releases the rest unseen', async () => {
  const at = await setup()
  const consumer = at.log.shareConsumer(options)
  let closed: Promise<void> | undefined
  await putAroundGap(at, () => {
    closed = consumer.close()
  })
  assert.is((await consumer[Symbol.asyncIterator]().next()).done, true)
  await closed
  assert.equal(await others(at.log, 2), [
    ['first', 1],
    ['first', 1],
  ])
  await at.log.close()
})

test('when a holder gives up the log after the first gap of what is being read, the rest is released', async () => {
  const at = await setup()
  let isReleased = false
  await putAroundGap(at, () => {
    at.broker.submit({
      kind: 'releaseShares',
      done: () => {
        isReleased = true
      },
    })
  })
  const consumer = at.log.shareConsumer(options)
  const next = consumer[Symbol.asyncIterator]().next()
  await settle()
  assert.ok(isReleased)
  await consumer.close()
  await next
  await at.log.close()
})

test('a close while records are being read releases those that are still there, where others were deleted meanwhile', async () => {
  const { log, onSession } = await setup()
  for (const value of ['a', 'b', 'c']) await log.producer().send({ topic: 'first', value })
  const consumer = log.shareConsumer(options)
  let closed: Promise<void> | undefined
  let next: Promise<unknown> | undefined
  onSession((session) => {
    onSession(() => {})
    afterFetch(session, 'first', async () => {
      next = others(log, 2)
      await settle()
      await log.admin.deleteRecords([{ topic: 'first', partition: 0, beforeOffset: 1 }])
      closed = consumer.close()
      await settle()
    })
  })
  assert.is((await consumer[Symbol.asyncIterator]().next()).done, true)
  await closed
  assert.equal(await next, [
    ['first', 1],
    ['first', 1],
  ])
  await log.close()
})

test('a close while a delivery is being counted releases it unseen', async () => {
  const { log, onSession } = await setup()
  await log.producer().send({ topic: 'first', value: 'a' })
  const consumer = log.shareConsumer(options)
  let closed: Promise<void> | undefined
  onSession((session) => {
    const acquire = session.acquire.bind(session)
    session.acquire = (request) => {
      const acquired = acquire(request)
      closed = consumer.close()
      return acquired
    }
  })
  assert.is((await consumer[Symbol.asyncIterator]().next()).done, true)
  await closed
  onSession(() => {})
  assert.equal(await others(log, 1), [['first', 1]])
  await log.close()
})

// As a channel's end does it.
test('a delivery that is being counted when its session is closed is released unseen', async () => {
  const { log, broker } = await setup()
  await log.producer().send({ topic: 'first', value: 'a' })
  const session = await broker.openShare('g')
  const acquired = session.acquire({ topics: ['first'], maxOffsets: 1, lockMs: 1000, startAt: 'earliest' })
  await session.close()
  assert.equal(await acquired, [])
  assert.equal(await others(log, 1), [['first', 1]])
  await log.close()
})

test('a close waits for no answer of a holder that stands still, and ends the iteration', async () => {
  const { log, onSession } = await setup()
  const consumer = log.shareConsumer(options)
  onSession((session) => {
    session.acquire = () => new Promise(() => {})
  })
  const next = consumer[Symbol.asyncIterator]().next()
  await settle()
  await consumer.close()
  assert.is((await next).done, true)
  await log.close()
})

test('a consumer that is closed before its session is open takes nothing', async () => {
  const { log, broker, onSession } = await setup()
  const consumer = log.shareConsumer(options)
  let closed: Promise<void> | undefined
  onSession(() => {
    closed = consumer.close()
  })
  assert.is((await consumer[Symbol.asyncIterator]().next()).done, true)
  await closed
  // It is refused while a consumer waits for records.
  await broker.admin.startShareGroup('g', [{ topic: 'first', partition: 0, nextOffset: 0 }])
  await log.producer().send({ topic: 'first', value: 'a' })
  assert.equal(await others(log, 1), [['first', 1]])
  await log.close()
})

test.run()
