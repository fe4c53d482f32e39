import { groups, ingest, manyGroups, processAll } from './exactly-once.ts'
import { appendBulk, BULK_BATCH, fill, latencies, warmUpCount } from './filling.ts'
import type { BenchRecord, PeerOptions, Visit } from './peer.ts'
import { makeBatches, payloadBytes } from './records.ts'
import { percentile } from './statistics.ts'
import type { Figures, OpenPeer, WorkloadRequest } from './workload.ts'

const PRODUCERS = 64
const SCAN_PASSES = 3

// What was visited has to be touched, or a lazy store would be measured doing nothing.
let touched = 0
const touch: Visit = (key, value) => {
  touched += key.length + value.length
  touched += typeof value === 'string' ? value.charCodeAt(value.length - 1) : (value[value.length - 1] as number)
}

export function touchedBytes(): number {
  return touched
}

async function bulk(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  const { valueBytes } = request
  const batches = makeBatches(BULK_BATCH, valueBytes)
  const peer = await open({ valueBytes, commit: 'bulk', durable: false })
  const appends = Math.max(1, Math.round(request.records / BULK_BATCH))
  const records = appends * BULK_BATCH
  const warmUp = warmUpCount(appends)
  const warming = performance.now()
  await appendBulk(peer, batches, warmUp)
  const started = performance.now()
  await appendBulk(peer, batches, appends)
  const durable = performance.now()
  await peer.close()
  const closed = performance.now()
  return {
    recordsPerSecond: (records / (closed - started)) * 1000,
    recordsPerSecondBeforeClose: (records / (durable - started)) * 1000,
    recordsPerSecondWarmingUp: ((warmUp * BULK_BATCH) / (started - warming)) * 1000,
    closeMs: closed - durable,
    payload: payloadBytes(records + warmUp * BULK_BATCH, valueBytes),
    ...peer.report?.(),
  }
}

async function durableAppends(open: OpenPeer, request: WorkloadRequest, batchSize: number): Promise<Figures> {
  const { valueBytes } = request
  const batches = makeBatches(batchSize, valueBytes)
  const peer = await open({ valueBytes, commit: 'small', durable: true })
  const appends = Math.max(20, Math.round(request.records / batchSize))
  const warmUp = warmUpCount(appends)
  const append = async (count: number): Promise<Float64Array> => {
    const took = new Float64Array(count)
    for (let index = 0; index < count; index++) {
      const before = performance.now()
      const pending = peer.appendBatch(batches[index % batches.length] as readonly BenchRecord[], true)
      if (pending !== undefined) await pending
      took[index] = performance.now() - before
    }
    return took
  }
  const cold = latencies(await append(warmUp))
  const started = performance.now()
  const took = await append(appends)
  await peer.close()
  const seconds = (performance.now() - started) / 1000
  return {
    ...latencies(took),
    recordsPerSecond: (appends * batchSize) / seconds,
    p50MsWarmingUp: cold['p50Ms'] ?? Number.NaN,
    appends: appends + warmUp,
    payload: payloadBytes((appends + warmUp) * batchSize, valueBytes),
    ...peer.report?.(),
  }
}

async function producers(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  const { valueBytes } = request
  const pool = (makeBatches(1024, valueBytes)[0] ?? []) as readonly BenchRecord[]
  const peer = await open({ valueBytes, commit: 'small', durable: true })
  const each = Math.max(4, Math.round(request.records / PRODUCERS))
  const warmUp = warmUpCount(each)
  const took = new Float64Array(each * PRODUCERS)
  let done = 0
  const produce = async (producer: number, count: number): Promise<void> => {
    // A closed loop: the next record is wanted the moment the one before is acknowledged.
    let wanted = performance.now()
    for (let index = 0; index < count; index++) {
      const record = pool[(producer * 16 + index) % pool.length] as BenchRecord
      // Awaited even where the store works at once, so that its producers take turns as they would elsewhere.
      await (peer.append === undefined ? peer.appendBatch([record], true) : peer.append(record, producer))
      const now = performance.now()
      took[done++] = now - wanted
      wanted = now
    }
  }
  const produceAll = (count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: PRODUCERS }, (_, producer) => produce(producer, count)))
  const warming = performance.now()
  await produceAll(warmUp)
  const started = performance.now()
  const cold = done
  done = 0
  await produceAll(each)
  await peer.close()
  const seconds = (performance.now() - started) / 1000
  return {
    ...latencies(took.subarray(0, done)),
    recordsPerSecond: done / seconds,
    recordsPerSecondWarmingUp: (cold / (started - warming)) * 1000,
    payload: payloadBytes(cold + done, valueBytes),
    ...peer.report?.(),
  }
}

async function scan(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  const { valueBytes } = request
  const options: PeerOptions = { valueBytes, commit: 'bulk', durable: false }
  const writer = await open(options)
  const records = await fill(writer, request.records, BULK_BATCH, valueBytes)
  await writer.close()
  const peer = await open(options)
  const took = new Float64Array(SCAN_PASSES)
  // Pass 0 warms code and page cache and isn't counted.
  for (let pass = -1; pass < SCAN_PASSES; pass++) {
    const before = performance.now()
    const seen = await peer.scan?.(touch)
    if (pass >= 0) took[pass] = performance.now() - before
    if (seen !== records) throw new Error(`scan gave ${seen} of ${records} records`)
  }
  await peer.close()
  const middle = percentile(took.sort(), 0.5)
  return { recordsPerSecond: (records / middle) * 1000, checked: peer.checksReads ? 1 : 0 }
}

async function randomRead(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  const { valueBytes } = request
  const options: PeerOptions = { valueBytes, commit: 'small', durable: false }
  const peer = await open(options)
  const records = await fill(peer, request.records, 100, valueBytes)
  let state = 12_345
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * records)
  }
  const reads = Math.min(200_000, records)
  const read = async (count: number, took: Float64Array | undefined): Promise<number> => {
    const started = performance.now()
    for (let index = 0; index < count; index++) {
      const before = took === undefined ? 0 : performance.now()
      const pending = peer.read?.(next(), touch)
      if (pending !== undefined) await pending
      if (took !== undefined) took[index] = performance.now() - before
    }
    return performance.now() - started
  }
  await read(reads, undefined)
  const ms = await read(reads, undefined)
  // Timed one by one in a pass of its own, so that the clock doesn't cost the rate.
  const took = new Float64Array(Math.min(50_000, reads))
  await read(took.length, took)
  await peer.close()
  return { readsPerSecond: (reads / ms) * 1000, ...latencies(took), ...peer.report?.() }
}

async function follow(open: OpenPeer, request: WorkloadRequest, durable: boolean): Promise<Figures> {
  const { valueBytes } = request
  const batches = makeBatches(1, valueBytes, 1024 * 1024)
  const peer = await open({ valueBytes, commit: 'small', durable })
  const messages = Math.max(200, request.records)
  const warm = warmUpCount(messages)
  const took = new Float64Array(messages)
  let arrived: (() => void) | undefined
  let arrivedAt = 0
  await peer.follow?.((key, value) => {
    touch(key, value)
    arrivedAt = performance.now()
    arrived?.()
  })
  for (let index = -warm; index < messages; index++) {
    const batch = batches[(index + warm) % batches.length] as readonly BenchRecord[]
    const before = performance.now()
    if (peer.follow !== undefined) {
      const arrival = new Promise<void>((resolve) => {
        arrived = resolve
      })
      const pending = peer.appendBatch(batch, durable)
      if (pending !== undefined) await pending
      await arrival
    } else {
      const pending = peer.appendBatch(batch, durable)
      if (pending !== undefined) await pending
      const reading = peer.read?.(index + warm, touch)
      if (reading !== undefined) await reading
      arrivedAt = performance.now()
    }
    if (index >= 0) took[index] = arrivedAt - before
  }
  await peer.close()
  return { ...latencies(took), ...peer.report?.() }
}

/** Fills durably and dies by SIGKILL: what `reopen` then finds. Never returns. */
export async function fillAndDie(open: OpenPeer, request: WorkloadRequest): Promise<never> {
  const peer = await open({ valueBytes: request.valueBytes, commit: 'bulk', durable: false })
  await fill(peer, request.records, BULK_BATCH, request.valueBytes)
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}

async function reopen(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  const { valueBytes, records } = request
  const batch = makeBatches(1, valueBytes, 4096)[0] as readonly BenchRecord[]
  const started = performance.now()
  const peer = await open({ valueBytes, commit: 'bulk', durable: true })
  const opened = performance.now()
  const count = await peer.nextOffset()
  const filled = Math.max(1, Math.round(records / BULK_BATCH)) * BULK_BATCH
  if (count < filled) throw new Error(`${count} of ${filled} records were there after the kill`)
  let found = 0
  await peer.read?.(filled - 1, (key, value) => {
    touch(key, value)
    found++
  })
  if (peer.read !== undefined && found !== 1) throw new Error(`the last record was read ${found} times`)
  const read = performance.now()
  await peer.appendBatch(batch, true)
  const acknowledged = performance.now()
  await peer.close()
  return { openMs: opened - started, lastRecordMs: read - started, durableAckMs: acknowledged - started }
}

async function coldStart(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  const { valueBytes } = request
  const batch = makeBatches(1, valueBytes, 4096)[0] as readonly BenchRecord[]
  const started = performance.now()
  const peer = await open({ valueBytes, commit: 'small', durable: true })
  await peer.appendBatch(batch, true)
  const acknowledged = performance.now()
  await peer.close()
  return { openToDurableAckMs: acknowledged - started, sinceProcessStartMs: acknowledged }
}

export function runWorkload(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  switch (request.workload) {
    case 'bulk':
      return bulk(open, request)
    case 'durable-100':
      return durableAppends(open, request, 100)
    case 'durable-1':
      return durableAppends(open, request, 1)
    case 'producers-64':
      return producers(open, request)
    case 'group':
      return groups(open, request, 'group')
    case 'transactions':
      return groups(open, request, 'transaction')
    case 'transactions-64':
      return manyGroups(open, request)
    case 'process':
      return processAll(open, request)
    case 'ingest':
      return ingest(open, request)
    case 'scan':
      return scan(open, request)
    case 'read':
      return randomRead(open, request)
    case 'follow-relaxed':
      return follow(open, request, false)
    case 'follow-durable':
      return follow(open, request, true)
    case 'reopen':
      return reopen(open, request)
    case 'cold-start':
      return coldStart(open, request)
  }
}
