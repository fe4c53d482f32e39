// Run by check.ts on plain Node: a log over a driver of the program's own, by the package's exports alone.
import { deepStrictEqual, rejects } from 'node:assert'
import { LogError, openDriver } from 'oncelog'
import { MapStore } from './driver.mjs'

const store = new MapStore()
const log = await openDriver(store, { requireDurability: 'memory' })
await log.admin.createTopic('t', { partitions: 2, config: { 'segment.bytes': 1000 } })
const producer = log.producer()
for (let index = 0; index < 100; index++) await producer.send({ topic: 't', key: `${index}`, value: `value ${index}` })
const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
await transaction.send({ topic: 't', value: 'together' })
await transaction.commit()
await rejects(openDriver(store.reopen()), (error) => LogError.is(error, 'DIRECTORY_IN_USE'))
await rejects(openDriver(new MapStore(), { requireDurability: 'stable' }), (error) =>
  LogError.is(error, 'DURABILITY_UNAVAILABLE'),
)
for (const junk of [undefined, {}, () => undefined, { capabilities: { ...store.capabilities } }]) {
  await rejects(openDriver(junk), (error) => LogError.is(error, 'INVALID_REQUEST'))
}
await log.close()

const again = await openDriver(store.reopen())
const values = []
for await (const { value } of again.read('t', { until: 'end' })) values.push(new TextDecoder().decode(value))
const expected = [...Array.from({ length: 100 }, (_, index) => `value ${index}`), 'together']
deepStrictEqual([again.role, again.recovery.clean, again.guarantees.durability], ['holder', true, 'memory'])
deepStrictEqual(values.sort(), expected.sort())
await again.close()
process.stdout.write(`${values.length} records kept by a driver of the program's own\n`)
