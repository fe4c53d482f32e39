// What Kafka's own tests ask of members and what they are delivered, over real logs; each is named after its source.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog, type Log } from '../../bindings/client/log.ts'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { openHeld, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort } from '../client/fake-port.ts'
import { failure, take, text } from '../client/support.ts'

const at = { topic: 't', partition: 0 }
const options = { groupId: 'g', topics: ['t'] }
const turn = () => new Promise((resolve) => setImmediate(resolve))
const valuesOf = (records: readonly { value: Uint8Array | null }[]) => records.map(({ value }) => text(value))

async function filled(log: Log): Promise<void> {
  await log.admin.createTopic('t')
  await log.producer().send(['a', 'b', 'c', 'd'].map((value) => ({ topic: 't', value })))
}

test('a member whose process is killed: its partition moves, what it did not commit comes again (test_consumer_failure)', async () => {
  const { broker, recovery } = await openHeld(new MemoryStore(), nodePort, {})
  const log = new BrokerLog(broker, nodePort)
  await filled(log)
  const [mine, theirs] = loopback()
  const served = new ServedChannel(theirs, broker, recovery, new Set())
  const channels: Channel[] = [mine]
  const attached = new AttachedBroker(async () => channels.pop() ?? new Promise(() => {}), nodePort)
  await attached.open()
  const killed = new BrokerLog(attached, nodePort).consumer(options)
  // It has a record in hand to the end, and would keep its partition.
  const iteration = killed[Symbol.asyncIterator]()
  for (let count = 0; count < 2; count++) await killed.commit((await iteration.next()).value)
  assert.is(text((await iteration.next()).value.value), 'c')
  const other = log.consumer(options)
  const next = take(other, 2)
  while ((await log.admin.listGroups())[0]?.members !== 2) await turn()
  for (let turns = 0; turns < 50; turns++) await turn()
  assert.equal(other.assignment(), [])
  served.end()
  assert.equal(valuesOf(await next), ['c', 'd'])
  assert.equal(other.assignment(), [at])
  await log.close()
})

test('a member that polls no more: the same, after maxPollIntervalMs, and it commits nothing more (test_consumer_failure)', async () => {
  const port = new FakePort()
  const { broker } = await openHeld(new MemoryStore(), port, {})
  const log = new BrokerLog(broker, port)
  await filled(log)
  const stuck = log.consumer({ ...options, maxPollIntervalMs: 5000 })
  const iteration = stuck[Symbol.asyncIterator]()
  const a = (await iteration.next()).value
  await stuck.commit(a)
  const b = (await iteration.next()).value
  const other = log.consumer({ ...options, maxPollIntervalMs: 60_000 })
  const next = take(other, 3)
  await port.advance(4900)
  assert.equal(other.assignment(), [])
  await port.advance(200)
  // Before any wait: for the partition of a member that stays it would have no end.
  assert.is((await log.admin.listGroups())[0]?.members, 1)
  assert.equal(valuesOf(await next), ['b', 'c', 'd'])
  await failure('UNKNOWN_MEMBER_ID', () => stuck.commit(b))
  assert.is(await other.committed(at), 1)
  await log.close()
})

test('a record larger than any limit of a fetch is delivered, in its place (TestFetchRecordLargerThanMaxBytes)', async () => {
  const store = new MemoryStore()
  const before = await openLog(store, nodePort)
  await before.admin.createTopic('t', { partitions: 2 })
  const producer = before.producer({ batchSizeBytes: 0 })
  const sizes = [10, 900_000, 20, 30, 500_000, 40]
  for (const size of sizes) {
    for (const partition of [0, 1]) await producer.send({ topic: 't', partition, value: 'x'.repeat(size) })
  }
  // Nothing is in memory any more: the files are read.
  await before.close()
  const log = await openLog(store.reopen(), nodePort)
  for (const maxBytes of [1, 100, 1000]) {
    for (const batches of [
      log.consumer({ groupId: `${maxBytes}`, topics: ['t'] }).batches({ maxBytes }),
      log.read('t', { until: 'end' }).batches({ maxBytes }),
    ]) {
      const seen: number[][] = [[], []]
      for await (const batch of batches) {
        for (const { value } of batch) seen[batch.partition]?.push(value?.length ?? -1)
        if (seen.flat().length === 2 * sizes.length) break
      }
      assert.equal(seen, [sizes, sizes], `${maxBytes}`)
    }
  }
  await log.close()
})

test.run()
