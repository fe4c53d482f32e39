// Kernel memory that is far too small, for minutes: many partitions and producers of both acks, records of any size.
// Producers wait or are refused by name, nothing that was acknowledged is lost, and once there is less to do everything
// works.
//   node --import tsx bench/limits/memory-cap.ts [--minutes 2] [--mib 4] [--partitions 500]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { Producer } from '../../bindings/client/producer/producer-type.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { openComposed } from './composed-log.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    mib: { type: 'string', default: '4' },
    partitions: { type: 'string', default: '500' },
  },
})
const MIB = 1024 * 1024
const durationMs = Number(values.minutes) * 60_000
const capBytes = Number(values.mib) * MIB
const partitions = Number(values.partitions)
const TOPIC = 'crowded'
const PRODUCERS = 12
const AT_ONCE = 8
const VALUE_BYTES_MAX = 60_000
/** From here on memory counts as full. */
const FULL_SHARE = 0.85
/** What a program may be told when memory is short: it tries again, or sends less. */
const ALLOWED = 'retriable'

const directory = mkdtempSync(join(tmpdir(), 'oncelog-memory-'))
const log = await openComposed(directory, { capBytes })
const client = new BrokerLog(log.broker, nodePort)
await client.admin.createTopic(TOPIC, { partitions, config: { 'segment.bytes': MIB } })
const acknowledged = new Map<string, string>()
const refusals: Record<string, number> = {}
const untyped: string[] = []
let [looks, fullLooks, mostBytes, sends] = [0, 0, 0, 0]
const begun = performance.now()
const isOver = () => performance.now() - begun > durationMs

const watch = setInterval(() => {
  const { usedBytes } = log.kernel.memory
  looks++
  if (usedBytes >= capBytes * FULL_SHARE) fullLooks++
  mostBytes = Math.max(mostBytes, usedBytes)
}, 20)

async function send(producer: Producer, name: string): Promise<void> {
  const partition = Math.floor(Math.random() * partitions)
  const value = `${name} `.padEnd(Math.floor(Math.random() ** 3 * VALUE_BYTES_MAX), '.')
  try {
    const { offset } = await producer.send({ topic: TOPIC, partition, value })
    acknowledged.set(`${partition}/${offset}`, name)
    sends++
  } catch (error) {
    if (!LogError.is(error)) return void untyped.push(String((error as Error).stack))
    const row = `${error.code}, ${error.category}`
    refusals[row] = (refusals[row] ?? 0) + 1
    if (error.category !== ALLOWED) untyped.push(`${row}: ${error.message}`)
  }
}

async function producing(number: number): Promise<void> {
  const producer = client.producer({
    acks: number % 3 === 0 ? 1 : 'all',
    batchSizeBytes: number % 2 === 0 ? 0 : 16_384,
  })
  for (let turn = 0; !isOver(); turn++) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => send(producer, `${number}-${turn}-${index}`)))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await producer.close()
}

async function reading(): Promise<void> {
  while (!isOver()) {
    const partition = Math.floor(Math.random() * partitions)
    try {
      const [place] = await client.admin.offsets([{ topic: TOPIC, partition }])
      if (place !== undefined && place.highWatermark > 0)
        await client.get(TOPIC, { partition, offset: place.highWatermark - 1 })
    } catch (error) {
      if (!LogError.is(error)) throw error
      refusals[`get: ${error.code}`] = (refusals[`get: ${error.code}`] ?? 0) + 1
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

await Promise.all([...Array.from({ length: PRODUCERS }, (_, number) => producing(number)), reading()])
clearInterval(watch)
const recovered = client.producer()
for (let partition = 0; partition < Math.min(partitions, 50); partition++) {
  const { offset } = await recovered.send({ topic: TOPIC, partition, value: 'afterwards' })
  acknowledged.set(`${partition}/${offset}`, 'afterwards')
}
await client.close()

async function lost(): Promise<number> {
  const again = await openComposed(directory)
  const reader = new BrokerLog(again.broker, nodePort)
  const missing = new Map(acknowledged)
  for await (const { partition, offset, value } of reader.read(TOPIC, { until: 'end' })) {
    const place = `${partition}/${offset}`
    if (
      Buffer.from(value ?? [])
        .toString()
        .split(' ')[0] === missing.get(place)
    )
      missing.delete(place)
  }
  await reader.close()
  return missing.size
}

const lostCount = await lost()
rmSync(directory, { recursive: true, force: true })
const row = {
  ...{
    minutes: Number(values.minutes),
    partitions,
    'cap MiB': capBytes / MIB,
    'most MiB': Math.round((mostBytes / MIB) * 100) / 100,
  },
  ...{ 'share of the time full': Math.round((fullLooks / looks) * 100) / 100, acknowledged: sends, refusals },
}
console.log(JSON.stringify(row))
for (const each of untyped.slice(0, 10)) console.log(each)
const isWithin = lostCount === 0 && untyped.length === 0 && mostBytes <= capBytes
console.log(`${lostCount} lost, ${untyped.length} failures of another kind: ${isWithin ? 'within' : 'NOT within'}`)
if (!isWithin) process.exitCode = 1
