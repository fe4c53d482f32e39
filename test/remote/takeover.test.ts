// A holder goes away in the middle of something: what the attached logs are told, in one process, without a socket.
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import { SOCKET_FILE } from '../../bindings/engine/remote/local-socket.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { Held } from '../../bindings/entry/embedded/serving.ts'
import { SharedBroker, type SharedOptions } from '../../bindings/entry/embedded/shared-broker.ts'
import { open, string, topic } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'
import { failure, gate, take } from '../client/support.ts'
import { hastyPort, held, inUse, optionsOf, Place, turns } from './support.ts'

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-takeover-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

/** A holder of its own, which serves the place. */
function serve(place: Place, { broker, recovery }: Held): void {
  place.listen((channel) => new ServedChannel(channel, broker, recovery, new Set())).catch(assert.unreachable)
}

/** A log that holds the directory, or is attached to who serves the place. */
async function logOver(options: SharedOptions): Promise<BrokerLog> {
  const shared = new SharedBroker(options)
  await shared.open()
  return new BrokerLog(shared, nodePort)
}

test('a takeover may take any time: calls wait for it, and what was sent before is written once', async () => {
  const place = new Place()
  const holder = await held(new MemoryStore())
  serve(place, holder)
  let tries = 0
  const hold = async () => {
    tries++
    throw inUse()
  }
  const log = await logOver(optionsOf(place, hold, hastyPort))
  await log.admin.createTopic('t')
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'a' })
  place.fate = (method) => (method === 'append' ? 'dead' : 'served')
  const triesBefore = tries
  const lost = performance.now()
  const sending = producer.send({ topic: 't', value: 'b' })
  // Far more than the five seconds that an opener waits, as this port counts them.
  while (performance.now() - lost < 100 || tries < triesBefore + 10) await turns(1)
  place.fate = () => 'served'
  serve(place, holder)
  assert.is((await sending).offset, 1)
  assert.is((await producer.send({ topic: 't', value: 'c' })).offset, 2)
  assert.equal(await log.admin.listTopics(), ['t'])
  await log.close()
  await holder.broker.close()
})

test('an opener hears after five seconds that nobody serves, and waits longer and longer between two tries', async () => {
  const waitsMs: number[] = []
  let now = 0
  const port = {
    ...nodePort,
    now: () => 0,
    elapsed: () => now,
    random: () => 0.5,
    setTimer: (delayMs: number, callback: () => void) => {
      waitsMs.push(delayMs)
      now += delayMs
      setImmediate(callback)
      return () => {}
    },
  }
  const shared = new SharedBroker(optionsOf(new Place(), async () => Promise.reject(inUse()), port))
  const refused = await failure('DIRECTORY_IN_USE', () => shared.open())
  assert.match(refused.message, /didn't answer within 5 s: .* open again/)
  assert.equal(waitsMs.slice(0, 7), [5, 10, 20, 40, 80, 160, 250])
})

test('hundreds that lose their holder leave the lock to the one who noted itself, and ask it every two seconds', async () => {
  const place = new Place()
  const holder = await held(new MemoryStore())
  serve(place, holder)
  place.noted = 1
  let tries = 0
  let now = 0
  const port = {
    ...nodePort,
    elapsed: () => now,
    random: () => 0.5,
    setTimer: (delayMs: number, callback: () => void) => {
      now += delayMs
      setImmediate(callback)
      return () => {}
    },
  }
  const hold = async () => {
    tries++
    return Promise.reject(inUse(place.noted))
  }
  const triesIn = async (durationMs: number): Promise<number> => {
    const [from, before] = [now, tries]
    while (now < from + durationMs) await turns(1)
    return tries - before
  }
  const shared = new SharedBroker(optionsOf(place, hold, port))
  await shared.open()
  assert.is(tries, 0, 'one that is served tried for the lock')
  const log = new BrokerLog(shared, nodePort)
  const listing = log.admin.listTopics()
  try {
    place.cut()
    await turns(5)
    const whileOld = await triesIn(1000)
    assert.ok(whileOld >= 4, `${whileOld} tries while the dead holder is noted`)
    place.noted = 2
    const whileNew = await triesIn(20_000)
    assert.ok(whileNew >= 8 && whileNew <= 11, `${whileNew} tries in 20 s while another one is noted`)
    place.noted = undefined
    const whileNobody = await triesIn(2000)
    assert.ok(whileNobody >= 7, `${whileNobody} tries while nobody is noted`)
  } finally {
    serve(place, holder)
    assert.equal(await listing, [])
    await log.close()
    await holder.broker.close()
  }
})

test('where no holder can come any more, what was sent has an unknown outcome, and the next call says why', async () => {
  const place = new Place()
  const holder = await held(new MemoryStore())
  serve(place, holder)
  let refusal: LogError = inUse()
  const log = await logOver(optionsOf(place, async () => Promise.reject(refusal)))
  await log.admin.createTopic('t')
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'a' })
  refusal = new LogError('CORRUPT_LOG', 'what the dead holder left')
  place.fate = (method) => (method === 'append' ? 'dead' : 'served')
  const unknown = await failure('NETWORK_EXCEPTION', () => producer.send({ topic: 't', value: 'b' }))
  assert.ok(LogError.is(unknown.cause, 'CORRUPT_LOG'))
  await failure('CORRUPT_LOG', () => log.admin.listTopics())
  await failure('CORRUPT_LOG', () => log.producer().send({ topic: 't', value: 'c' }))
  await log.close()
  await holder.broker.close()
})

test('where the disk is full as it takes over, its calls hear of it, and it goes on once there is room', async () => {
  const place = new Place()
  const holder = await held(createDirectoryStore(root))
  serve(place, holder)
  let isFull = true
  let tries = 0
  const hold = async () => {
    tries++
    if (isFull) throw new LogError('STORAGE_FULL', 'no room for what the dead holder left', {})
    return held(createDirectoryStore(root))
  }
  const shared = new SharedBroker(optionsOf(place, hold))
  await shared.open()
  const log = new BrokerLog(shared, nodePort)
  await log.admin.createTopic('t')
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'a' })
  place.fate = (method) => (method === 'append' ? 'dead' : 'served')
  const unknown = await failure('NETWORK_EXCEPTION', () => producer.send({ topic: 't', value: 'b' }))
  assert.ok(LogError.is(unknown.cause, 'STORAGE_FULL'))
  await failure('STORAGE_FULL', () => log.admin.listTopics())
  assert.is(tries, 2)
  await holder.broker.close()
  isFull = false
  assert.equal(await log.admin.listTopics(), ['t'])
  assert.is((await producer.send({ topic: 't', value: 'c' })).offset, 1)
  assert.is(shared.role, 'holder')
  await log.close()
})

/** As a process meets that may start no other one, which the lock needs. */
function noProcess(): LogError {
  return new LogError('KAFKA_STORAGE_ERROR', 'lock of .lock failed: EAGAIN', { operation: 'lock', errno: 'EAGAIN' })
}

test('where it lacks a process or a descriptor as it takes over, it tries again, and its calls wait', async () => {
  const place = new Place()
  const holder = await held(createDirectoryStore(root))
  serve(place, holder)
  let tries = 0
  const hold = async () => {
    if (++tries < 4) throw noProcess()
    await holder.broker.close()
    return held(createDirectoryStore(root))
  }
  // However long the tries take: of five seconds none has passed.
  const log = await logOver(optionsOf(place, hold, { ...hastyPort, elapsed: () => 0 }))
  await log.admin.createTopic('t')
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'a' })
  place.fate = (method) => (method === 'append' ? 'dead' : 'served')
  assert.is((await producer.send({ topic: 't', value: 'b' })).offset, 1)
  assert.is(tries, 4)
  await log.close()
})

test('where that lasts, its calls hear of it, and it goes on with whoever holds the log by then', async () => {
  const place = new Place()
  const holder = await held(createDirectoryStore(root))
  serve(place, holder)
  const log = await logOver(optionsOf(place, async () => Promise.reject(noProcess()), hastyPort))
  await log.admin.createTopic('t')
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'a' })
  place.fate = (method) => (method === 'append' ? 'dead' : 'served')
  const unknown = await failure('NETWORK_EXCEPTION', () => producer.send({ topic: 't', value: 'b' }))
  assert.ok(LogError.is(unknown.cause, 'KAFKA_STORAGE_ERROR'))
  await failure('KAFKA_STORAGE_ERROR', () => log.admin.listTopics())
  place.fate = () => 'served'
  serve(place, holder)
  assert.equal(await log.admin.listTopics(), ['t'])
  assert.is((await producer.send({ topic: 't', value: 'c' })).offset, 1)
  await log.close()
  await holder.broker.close()
})

test('an opener whose holder goes away before it answered is refused where the disk is full', async () => {
  const place = new Place()
  const holder = await held(new MemoryStore())
  serve(place, holder)
  place.fate = () => 'dead'
  const full = new LogError('STORAGE_FULL', 'no room', {})
  const shared = new SharedBroker(optionsOf(place, async () => Promise.reject(full)))
  await failure('STORAGE_FULL', () => shared.open())
  await holder.broker.close()
})

for (const cut of ['openConsumer', 'join', 'sync', 'committed']) {
  test(`the holder goes away at ${cut}: the member joins again with the next one`, async () => {
    const place = new Place()
    const holder = await held(new MemoryStore())
    serve(place, holder)
    const log = await logOver(optionsOf(place, async () => Promise.reject(inUse())))
    await log.admin.createTopic('t')
    await log.producer().send({ topic: 't', value: 'a' })
    let cuts = 0
    const dieOnce = () => {
      let isCut = false
      place.fate = (method) => {
        if (isCut || method !== cut) return 'served'
        isCut = true
        cuts++
        setImmediate(() => serve(place, holder))
        return 'dead'
      }
    }
    dieOnce()
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const [record] = await take(consumer, 1)
    assert.is(record?.offset, 0)
    await consumer.commit(record!)
    await consumer.close()
    dieOnce()
    const { opened, open: handled } = gate()
    const process = log.process({ groupId: 'p', topics: ['t'], handle: async () => handled() })
    await Promise.race([opened, process.done])
    await process.close()
    assert.is(cuts, 2)
    await log.close()
    await holder.broker.close()
  })
}

test('while nobody holds the log, a signal ends a read and a consumer, and close ends everything', async () => {
  const place = new Place()
  const holder = await held(new MemoryStore())
  serve(place, holder)
  const log = await logOver(optionsOf(place, async () => Promise.reject(inUse())))
  await log.admin.createTopic('t', { partitions: 1, config: { 'cleanup.policy': 'compact' } })
  const facts = topic('t', { key: string, value: string, partitions: 1 })
  const table = await log.table(facts)
  const stop = new AbortController()
  const stopped = new Error('stop')
  const consumers = ['g', 'h'].map((groupId) => log.consumer({ groupId, topics: ['t'], signal: stop.signal }))
  await consumers[0]?.lag()
  const iterations = [log.read('t', { signal: stop.signal }), ...consumers].map((from) => take(from, 1))
  const left = log.read('t').batches()[Symbol.asyncIterator]()
  const waiting = left.next()
  await turns(20)
  place.cut()
  await turns(20)
  iterations.push(take(log.read('t', { signal: stop.signal }), 1))
  await turns(5)
  stop.abort(stopped)
  for (const ended of await Promise.allSettled(iterations)) assert.is((ended as PromiseRejectedResult).reason, stopped)
  const [, last] = await Promise.all([left.return?.(), waiting])
  assert.is(last.done, true)
  await log.close()
  assert.equal(table.asOf, [{ topic: 't', partition: 0, nextOffset: 0 }])
  await holder.broker.close()
})

test('a member of a log whose holder is stopped closes all the same', async () => {
  const place = new Place()
  const holder = await held(new MemoryStore())
  serve(place, holder)
  const log = await logOver(optionsOf(place, async () => Promise.reject(inUse()), hastyPort))
  await log.admin.createTopic('t')
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const reading = take(consumer, 1)
  while ((await log.admin.listGroups())[0]?.state !== 'Stable') await turns(1)
  place.fate = () => 'unanswered'
  await consumer.close()
  assert.equal(await reading, [])
  await log.close()
  await holder.broker.close()
})

test('a log that closes while it takes over gives the directory back', async () => {
  const place = new Place()
  const first = await held(new MemoryStore())
  serve(place, first)
  let isTaking = false
  let hasBegun = false
  const { opened, open: recovered } = gate()
  const hold = async () => {
    if (!isTaking) throw inUse()
    hasBegun = true
    const taken = await held(createDirectoryStore(root))
    await opened
    return taken
  }
  const shared = new SharedBroker(optionsOf(place, hold))
  await shared.open()
  isTaking = true
  place.cut()
  while (!hasBegun) await turns(1)
  const closing = shared.close()
  recovered()
  await closing
  assert.is(place.listening, undefined)
  const next = await open(root, { exclusive: true })
  await next.close()
  await first.broker.close()
})

test('who attaches to a log that closes while it takes over is told nothing of that, and goes on with the next holder', async () => {
  const place = new Place()
  const first = await held(new MemoryStore())
  serve(place, first)
  const { opened: isListening, open: listens } = gate()
  const { opened: isAttached, open: attached } = gate()
  const asked: Promise<unknown>[] = []
  const beside = async (closing: Promise<void>) => {
    let isOver = false
    const over = closing.finally(() => {
      isOver = true
    })
    for (; !isOver; await turns(1)) asked.push(other.admin.listTopics().catch((error: unknown) => error))
    await over
  }
  let isTaking = false
  const hold = async () => {
    if (!isTaking) throw inUse()
    const taken = await held(createDirectoryStore(root))
    const close = taken.broker.close.bind(taken.broker)
    if (asked.length === 0) taken.broker.close = () => beside(close())
    return taken
  }
  const options = optionsOf(place, hold)
  const meeting: SharedOptions['meeting'] = {
    attach: () => place.attach(),
    heldBy: () => place.heldBy(),
    listen: async (served) => {
      const listener = await place.listen(served)
      listens()
      await isAttached
      return listener
    },
  }
  const closing = new SharedBroker({ ...options, meeting })
  await closing.open()
  const other = await logOver(options)
  isTaking = true
  place.cut()
  await isListening
  const closed = closing.close()
  await other.admin.createTopic('t')
  attached()
  await closed
  assert.ok(asked.length > 1)
  for (const listed of asked) assert.equal(await listed, ['t'])
  assert.equal(await other.admin.listTopics(), ['t'])
  await other.close()
  await first.broker.close()
})

test('an opener whose holder went away before it answered may take longer than five seconds to recover itself', async () => {
  const place = new Place()
  const silent = await held(new MemoryStore())
  serve(place, silent)
  place.fate = () => 'unanswered'
  let tries = 0
  const { opened, open: recovered } = gate()
  const hold = async () => {
    if (tries++ === 0) throw inUse()
    await opened
    return held(createDirectoryStore(root))
  }
  let limit = undefined as (() => void) | undefined
  const setTimer: RuntimePort['setTimer'] = (delayMs, callback, options) => {
    if (delayMs < 5000) return nodePort.setTimer(delayMs, callback, options)
    limit = callback
    return () => {}
  }
  const shared = new SharedBroker(optionsOf(place, hold, { ...nodePort, setTimer }))
  const opening = shared.open()
  while (limit === undefined) await turns(1)
  place.cut()
  while (tries < 2) await turns(1)
  limit()
  recovered()
  await opening
  assert.is(shared.role, 'holder')
  await shared.close()
  const next = await open(root, { exclusive: true })
  await next.close()
  await silent.broker.close()
})

test('where the directory takes no socket, opening fails by name and gives the lock back', async () => {
  await mkdir(join(root, SOCKET_FILE))
  const refused = await failure('KAFKA_STORAGE_ERROR', () => open(root))
  assert.is(refused.details['file'], SOCKET_FILE)
  await rmdir(join(root, SOCKET_FILE))
  const log = await open(root, { exclusive: true })
  await log.close()
})

test.run()
