// A holder goes away in the middle of something: what the attached ones hear of it, in one process, without a socket.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { ServedChannel } from '../../bindings/engine/remote/serve-channel.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type Held, SharedBroker } from '../../bindings/entry/embedded/shared-broker.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { failure } from '../client/support.ts'
import { hastyPort, held, inUse, optionsOf, Place, turns } from './support.ts'

/** A holder of its own, which serves the place. */
function serve(place: Place, { broker, recovery }: Held): void {
  place.listen((channel) => new ServedChannel(channel, broker, recovery, () => {}))
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
  const shared = new SharedBroker(optionsOf(place, hold, hastyPort))
  await shared.open()
  const log = new BrokerLog(shared, nodePort)
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
    now: () => now,
    random: () => 0.5,
    setTimer: (delayMs: number, callback: () => void) => {
      waitsMs.push(delayMs)
      now += delayMs
      setImmediate(callback)
      return () => {}
    },
  }
  const shared = new SharedBroker(optionsOf(new Place(), async () => Promise.reject(inUse()), port))
  await failure('DIRECTORY_IN_USE', () => shared.open())
  assert.equal(waitsMs.slice(0, 7), [5, 10, 20, 40, 80, 160, 250])
})

test('where no holder can come any more, what was sent has an unknown outcome, and the next call says why', async () => {
  const place = new Place()
  const holder = await held(new MemoryStore())
  serve(place, holder)
  let refusal = inUse()
  const shared = new SharedBroker(optionsOf(place, async () => Promise.reject(refusal)))
  await shared.open()
  const log = new BrokerLog(shared, nodePort)
  await log.admin.createTopic('t')
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'a' })
  refusal = new LogError('CORRUPT_LOG', 'what the dead holder left', {}) as typeof refusal
  place.fate = (method) => (method === 'append' ? 'dead' : 'served')
  const unknown = await failure('NETWORK_EXCEPTION', () => producer.send({ topic: 't', value: 'b' }))
  assert.ok(LogError.is(unknown.cause, 'CORRUPT_LOG'))
  await failure('CORRUPT_LOG', () => log.admin.listTopics())
  await failure('CORRUPT_LOG', () => log.producer().send({ topic: 't', value: 'c' }))
  await log.close()
  await holder.broker.close()
})

test.run()
