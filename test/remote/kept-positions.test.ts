// A reader in another process keeps what it asks for with the holder, as one beside it does, and goes on with the next
// holder, which knows nothing of it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { Held } from '../../bindings/entry/embedded/serving.ts'
import { SharedBroker } from '../../bindings/entry/embedded/shared-broker.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { held, inUse, optionsOf, Place } from './support.ts'

const PARTITIONS = 40

async function twoLogs() {
  const holder = await held(new MemoryStore())
  const place = new Place()
  const serve = () => place.listen((channel) => new ServedChannel(channel, holder.broker, holder.recovery, new Set()))
  await serve()
  const shared = new SharedBroker(optionsOf(place, async () => Promise.reject(inUse())))
  await shared.open()
  const [far, near] = [new BrokerLog(shared, nodePort), new BrokerLog(holder.broker, nodePort)]
  await near.admin.createTopic('t', { partitions: PARTITIONS })
  const close = async () => {
    await far.close()
    await holder.broker.close()
  }
  return { holder, place, serve, attached: shared, far, near, close }
}

/** How many positions the holder's readers are asked for from now on, fetch by fetch. */
function namedTo(holder: Held): readonly number[] {
  const named: number[] = []
  const openReader = holder.broker.openReader.bind(holder.broker)
  Object.assign(holder.broker, {
    openReader: () => {
      const reader = openReader()
      const fetch = reader.fetch.bind(reader)
      return Object.assign(reader, {
        fetch: (request: Parameters<typeof fetch>[0]) => {
          named.push(request.positions.length)
          return fetch(request)
        },
      })
    },
  })
  return named
}

test('a reader of many partitions names those alone that were answered', async () => {
  const { holder, far, near, close } = await twoLogs()
  const named = namedTo(holder)
  const iteration = far.read('t')[Symbol.asyncIterator]()
  for (const partition of [3, 3, 7]) {
    const next = iteration.next()
    await near.producer().send({ topic: 't', partition, value: 'x' })
    assert.is((await next).value?.partition, partition)
  }
  assert.equal(named, [PARTITIONS, 1, 1])
  await iteration.return?.()
  await close()
})

test('a reader whose channel ended between two fetches goes on in all partitions', async () => {
  const { holder, place, serve, far, near, close } = await twoLogs()
  const named = namedTo(holder)
  const iteration = far.read('t')[Symbol.asyncIterator]()
  for (const partition of [3, 7]) {
    await near.producer().send({ topic: 't', partition, value: 'x' })
    assert.is((await iteration.next()).value?.partition, partition)
    place.cut()
    await serve()
  }
  assert.equal(named, [PARTITIONS, PARTITIONS])
  await iteration.return?.()
  await close()
})

test('a reader whose fetch was woken asks for everything anew, as the holder may have answered it; a wake beside the end of a channel counts', async () => {
  const { holder, place, serve, near, attached, close } = await twoLogs()
  const named = namedTo(holder)
  const reader = attached.openReader()
  const request = { isolationLevel: 'read_committed', maxBytes: 1, wait: true } as const
  const at = (partition: number) => ({ topic: 't', partition, nextOffset: 0 })
  const fetch = (isFull: boolean, ...partitions: number[]) => {
    return reader.fetch({ ...request, positions: partitions.map(at), changes: { isFull, forgotten: [] } })
  }
  await near.producer().send({ topic: 't', partition: 0, value: 'x' })
  const told = async (fetching: ReturnType<typeof fetch>) => (await fetching).map(({ partition }) => partition)
  assert.equal(await told(fetch(true, 0, 1, 2)), [0])
  const woken = fetch(false)
  await near.producer().send({ topic: 't', partition: 1, value: 'x' })
  reader.wake()
  assert.equal(await told(woken), [])
  assert.equal(await told(fetch(false)), [1])
  await near.producer().send({ topic: 't', partition: 2, value: 'x' })
  assert.equal(await told(fetch(false)), [2])
  assert.equal(named, [3, 0, 2, 0])
  const lost = fetch(false)
  place.cut()
  reader.wake()
  assert.equal(await told(lost), [])
  await serve()
  await reader.close()
  await close()
})

for (const seed of [1, 2, 3, 4]) {
  test(`a reader whose channel ends at any moment misses no record and gets none twice: seed ${seed}`, async () => {
    const RECORDS = 300
    const CUTS = 6
    const { place, serve, far, near, close } = await twoLogs()
    const draws = new Random(seed)
    const random = () => draws.unit()
    let cuts = 0
    let isRead = false
    const cut = () => {
      cuts++
      place.cut()
      serve().catch(() => {})
    }
    place.fate = (method) => {
      if (method !== 'fetch' && method !== 'poll') return 'served'
      const draw = random()
      // Before it was served, right behind that, and once its answer may be there.
      if (draw < 0.1) {
        queueMicrotask(() => {
          serve().catch(() => {})
        })
        cuts++
        return 'dead'
      }
      if (draw < 0.2) queueMicrotask(cut)
      else if (draw < 0.3) setImmediate(cut)
      return 'served'
    }
    const producer = near.producer()
    const sending = (async () => {
      for (let index = 0; !isRead; index++) {
        const partition = Math.floor(random() * PARTITIONS)
        await producer.send({ topic: 't', partition, value: `${index}` })
        if (random() < 0.3) await new Promise((resume) => setImmediate(resume))
      }
    })()
    const next = new Map<number, number>()
    let count = 0
    try {
      for await (const { partition, offset } of far.read('t')) {
        assert.is(offset, next.get(partition) ?? 0)
        next.set(partition, offset + 1)
        // How many fetches so many records take is up to the runtime.
        if (++count >= RECORDS && cuts >= CUTS) break
      }
    } finally {
      isRead = true
    }
    await sending
    place.fate = () => 'served'
    await close()
  })
}

test.run()
