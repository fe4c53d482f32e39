// 10,000 partitions, each written, checkpointed and read again: descriptors, memory, and pages that idle partitions
// hold.
//   node --expose-gc --import tsx bench/limits/partitions.ts [partitions]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProducerSession } from '../../bindings/broker/producer-session.ts'
import { numberArgument } from '../harness/number-argument.ts'
import { type ComposedLog, openComposed } from './composed-log.ts'

const partitions = numberArgument(1, 10_000)
const TOPIC = 'many'
const DESCRIPTORS_MAX = 512
const MEMORY_MAX_BYTES = 512 * 1024 * 1024
const AT_ONCE = 500
const directory = mkdtempSync(join(tmpdir(), 'oncelog-limits-'))
let descriptorsMost = 0

function look(what: string, { kernel }: ComposedLog, begun: number): void {
  const descriptors = readdirSync('/proc/self/fd').length
  descriptorsMost = Math.max(descriptorsMost, descriptors)
  const [peak] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.slice(1) ?? ['0']
  const row = {
    what,
    'wall ms': Math.round(performance.now() - begun),
    descriptors,
    'RSS MB': Math.round(process.memoryUsage().rss / 1e6),
    'RSS peak MB': Math.round(Number(peak) / 1024),
    'kernel pages': Math.ceil(kernel.memory.usedBytes / 65_536),
  }
  console.log(JSON.stringify(row))
}

async function appendAll(producer: ProducerSession, baseSequence: number): Promise<void> {
  const records = Array.from({ length: 10 }, () => ({
    key: null,
    value: 'x'.repeat(100),
    timestamp: undefined,
    headers: undefined,
  }))
  for (let from = 0; from < partitions; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, partitions - from)
    const appends = Array.from({ length: count }, (_, index) => {
      const request = { topic: TOPIC, partition: from + index, acks: 'all' as const, producerEpoch: 0, baseSequence }
      return producer.append({ ...request, records })
    })
    await Promise.all(appends)
    descriptorsMost = Math.max(descriptorsMost, readdirSync('/proc/self/fd').length)
  }
}

async function readAll(log: ComposedLog): Promise<number> {
  const reader = log.broker.openReader()
  let records = 0
  for (let partition = 0; partition < partitions; partition++) {
    const positions = [{ topic: TOPIC, partition, nextOffset: 0 }]
    const [part] = await reader.fetch({ positions, isolationLevel: 'read_committed', maxBytes: 1e6, wait: false })
    records += part?.nextOffset ?? 0
  }
  await reader.close()
  return records
}

const watch = setInterval(() => {
  descriptorsMost = Math.max(descriptorsMost, readdirSync('/proc/self/fd').length)
}, 5)
const begun = performance.now()
let log = await openComposed(directory)
await log.broker.admin.createTopic(TOPIC, { partitions, config: {} })
look('topic created', log, begun)
let producer = await log.broker.openProducer()
await appendAll(producer, 0)
look('each written once', log, begun)
await appendAll(producer, 10)
look('each written twice', log, begun)
const idle = Date.now() + 3_600_000
log.engine.tick(idle)
log.engine.tick(idle + 3_600_000)
look('all idle', log, begun)
let at = performance.now()
await log.broker.close()
console.log(JSON.stringify({ what: 'closed', 'wall ms': Math.round(performance.now() - at) }))
at = performance.now()
log = await openComposed(directory)
look('opened again', log, at)
at = performance.now()
const records = await readAll(log)
look(`${records} records read`, log, at)
producer = await log.broker.openProducer()
await appendAll(producer, 0)
await log.broker.close()
clearInterval(watch)
rmSync(directory, { recursive: true, force: true })
const peakBytes = process.resourceUsage().maxRSS * 1024
const isWithin = descriptorsMost <= DESCRIPTORS_MAX && peakBytes <= MEMORY_MAX_BYTES && records === partitions * 20
console.log(
  `${partitions} partitions: ${descriptorsMost} descriptors of ${DESCRIPTORS_MAX}, ` +
    `${Math.round(peakBytes / 1e6)} MB at most of ${MEMORY_MAX_BYTES / 1e6}: ${isWithin ? 'within' : 'NOT within'}`,
)
if (!isWithin) process.exitCode = 1
