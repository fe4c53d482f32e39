// Everything at once for so many minutes, over a log that deletes and compacts as fast as it is written: producers of
// both acks, transactions that commit and abort, a group whose members come and go, a work queue, reads by offset.
// Memory, descriptors and disk must be flat: the line through the second half of the samples rises by no more than the
// bound.
//   node --expose-gc --import tsx bench/limits/soak.ts [--minutes 30] [--rate 100]
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BrokerLog, type Log } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { diskBytes } from '../harness/machine.ts'
import { type ComposedLog, openComposed } from './composed-log.ts'
import { slopeOf } from './slope.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, rate: { type: 'string', default: '100' } },
})
const durationMs = Number(values.minutes) * 60_000
/** Turns of each actor a second. */
const pauseMs = 1000 / Number(values.rate)
const SAMPLES = 240
const KEYS = 500
const VALUE = 'v'.repeat(300)
const MIB = 1024 * 1024
const COLLECT = (globalThis as { gc?: () => void }).gc

/** By so much of its mean, or so many of its units, the line of a value may rise over the second half. */
const BOUNDS: Readonly<Record<string, { readonly share: number; readonly units: number }>> = {
  'RSS MiB': { share: 0.04, units: 6 },
  'heap MiB': { share: 0.04, units: 1 },
  'array buffers MiB': { share: 0.04, units: 2 },
  'kernel used MiB': { share: 0.04, units: 0.5 },
  'kernel reserved MiB': { share: 0.04, units: 1 },
  descriptors: { share: 0.04, units: 4 },
  'disk MiB': { share: 0.1, units: 8 },
}

const directory = mkdtempSync(join(tmpdir(), 'oncelog-soak-'))
const composed = await openComposed(directory, { cleanup: { retentionCheckIntervalMs: 5000 } })
const log = new BrokerLog(composed.broker, nodePort)
const counts: Record<string, number> = {}
const begun = performance.now()
const isOver = () => performance.now() - begun > durationMs

function count(what: string, by = 1): void {
  counts[what] = (counts[what] ?? 0) + by
}

async function createTopics(): Promise<void> {
  // By time, so that a machine which has other work now and then keeps as many segments, with less in them.
  const small = { 'segment.bytes': MIB, 'segment.ms': 30_000 }
  await log.admin.createTopic('plain', { partitions: 4, config: { ...small, 'retention.ms': 60_000 } })
  await log.admin.createTopic('copies', { partitions: 2, config: { ...small, 'retention.ms': 20_000 } })
  await log.admin.createTopic('queue', { partitions: 1, config: { ...small, 'retention.ms': 20_000 } })
  const compact = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.3, 'delete.retention.ms': 1000 }
  await log.admin.createTopic('state', { partitions: 2, config: { 'segment.bytes': MIB / 2, ...compact } })
}

/** Again and again, with a pause, until the time is over. */
async function turns(work: (turn: number) => Promise<void>): Promise<void> {
  for (let turn = 0; !isOver(); turn++) {
    await work(turn)
    await sleep(pauseMs)
  }
}

function producing(acks: 1 | 'all'): Promise<void> {
  const producer = log.producer({ acks, compression: acks === 1 ? 'lz4' : 'none' })
  return turns(async (turn) => {
    const records = Array.from({ length: 10 }, (_, index) => ({
      topic: 'plain',
      key: `${turn}/${index}`,
      value: VALUE,
    }))
    count(`sent with acks ${acks}`, (await producer.send(records)).length)
  })
}

function keeping(): Promise<void> {
  const producer = log.producer()
  return turns(async (turn) => {
    const key = `key ${(turn * 7919) % KEYS}`
    await producer.send({ topic: 'state', key, value: turn % 20 === 0 ? null : `${turn} ${VALUE}` })
    count('keys written')
  })
}

/** Copies in transactions with the positions of its group; every tenth is aborted and comes again. */
async function copying(): Promise<void> {
  const producer = log.producer({ transactionalId: 'copier' })
  const consumer = log.consumer({ groupId: 'copiers', topics: ['plain'], autoOffsetReset: 'latest' })
  const end = setTimeout(() => void consumer.close().catch(() => {}), durationMs)
  for await (const batch of consumer.batches()) {
    count('batches copied')
    const isAborted = (counts['batches copied'] ?? 0) % 10 === 0
    const copy = producer.transaction(async (transaction) => {
      await transaction.sendOffsets(consumer, batch)
      for (const { key, value } of batch) await transaction.send({ topic: 'copies', key, value })
      if (isAborted) throw new Error('on purpose')
    })
    await copy.catch((error: unknown) => {
      if (!isAborted && !LogError.is(error, 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID')) throw error
      count('transactions aborted')
    })
  }
  clearTimeout(end)
  await producer.close()
}

/** A member that leaves after a while, and another one comes. */
async function reading(lifeMs: number): Promise<void> {
  while (!isOver()) {
    const consumer = log.consumer({ groupId: 'readers', topics: ['plain'], autoOffsetReset: 'earliest' })
    const until = performance.now() + Math.min(lifeMs, durationMs)
    const end = setTimeout(() => void consumer.close().catch(() => {}), lifeMs)
    try {
      for await (const batch of consumer.batches()) {
        count('records read by the group', batch.size)
        await consumer.commit(batch)
        if (performance.now() > until || isOver()) break
      }
    } catch (error) {
      if (!LogError.is(error, 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'CONSUMER_CLOSED'))
        throw error
      count('members put out')
    }
    clearTimeout(end)
    await consumer.close()
    count('members that left')
  }
}

async function queueing(): Promise<void> {
  const producer = log.producer()
  const consumer = log.shareConsumer({ groupId: 'workers', topics: ['queue'] })
  const end = setTimeout(() => void consumer.close().catch(() => {}), durationMs)
  const working = (async () => {
    for await (const record of consumer) {
      try {
        await consumer.acknowledge(record, 'accept')
        count('jobs done')
      } catch (error) {
        if (!LogError.is(error, 'INVALID_RECORD_STATE', 'CONSUMER_CLOSED')) throw error
      }
    }
  })()
  await turns(async (turn) => {
    if (turn % 5 === 0) await producer.send({ topic: 'queue', value: VALUE })
  })
  clearTimeout(end)
  await consumer.close()
  await working
}

function looking(): Promise<void> {
  return turns(async (turn) => {
    const partition = turn % 4
    const [place] = await log.admin.offsets([{ topic: 'plain', partition }])
    if (place === undefined || place.highWatermark === place.logStartOffset) return
    const span = place.highWatermark - place.logStartOffset
    const offset = place.logStartOffset + Math.floor(Math.random() * span)
    await log.get('plain', { partition, offset }).catch((error: unknown) => {
      if (!LogError.is(error, 'OFFSET_OUT_OF_RANGE')) throw error
    })
    count('records looked up')
  })
}

type Sample = Readonly<Record<string, number>>

function sample({ kernel }: ComposedLog): Sample {
  COLLECT?.()
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
  return {
    'RSS MiB': rss / MIB,
    'heap MiB': heapUsed / MIB,
    'array buffers MiB': arrayBuffers / MIB,
    'kernel used MiB': kernel.memory.usedBytes / MIB,
    'kernel reserved MiB': kernel.memory.reservedBytes / MIB,
    descriptors: readdirSync('/proc/self/fd').length,
    'disk MiB': diskBytes(directory) / MIB,
  }
}

async function sampling(): Promise<(readonly [number, Sample])[]> {
  const samples: (readonly [number, Sample])[] = []
  while (!isOver()) {
    await sleep(durationMs / SAMPLES)
    samples.push([(performance.now() - begun) / 1000, sample(composed)])
    if (samples.length % (SAMPLES / 12) === 0)
      console.log(
        JSON.stringify({ seconds: Math.round(samples.at(-1)?.[0] ?? 0), ...rounded(samples.at(-1)?.[1] ?? {}) }),
      )
  }
  return samples
}

function rounded(row: Sample): Sample {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Math.round(value * 100) / 100]))
}

function judge(samples: readonly (readonly [number, Sample])[]): boolean {
  const later = samples.slice(samples.length >> 1)
  let isFlat = true
  for (const [name, { share, units }] of Object.entries(BOUNDS)) {
    const { mean, rise } = slopeOf(later.map(([seconds, row]) => [seconds, row[name] ?? Number.NaN] as const))
    const bound = Math.max(mean * share, units)
    const isWithin = rise <= bound
    isFlat &&= isWithin
    console.log(
      JSON.stringify({ what: name, ...rounded({ mean, 'rise over the second half': rise, bound }), within: isWithin }),
    )
  }
  return isFlat
}

/** What is left is whole: the log opens clean, and everything is read to its end. */
async function checkAgain(): Promise<number> {
  const again = await openComposed(directory)
  const read: Log = new BrokerLog(again.broker, nodePort)
  if (again.engine.report?.clean !== true) throw new Error('it was not left clean')
  let records = 0
  for (const topic of await read.admin.listTopics()) for await (const _ of read.read(topic, { until: 'end' })) records++
  await read.close()
  return records
}

await createTopics()
const actors = [
  producing('all'),
  producing(1),
  keeping(),
  copying(),
  reading(20_000),
  reading(33_000),
  queueing(),
  looking(),
]
const [samples] = await Promise.all([sampling(), ...actors])
console.log(JSON.stringify(counts))
const isFlat = judge(samples)
await log.close()
console.log(`${await checkAgain()} records are there after a clean open`)
console.log(`${values.minutes} minutes: ${isFlat ? 'flat' : 'NOT flat'}`)
rmSync(directory, { recursive: true, force: true })
if (!isFlat) process.exitCode = 1
