import { BULK_BATCH, fill, latencies, warmUpCount } from './filling.ts'
import type { BenchRecord } from './peer.ts'
import { makeBatches, payloadBytes } from './records.ts'
import type { Figures, OpenPeer, WorkloadRequest } from './workload.ts'

const PARTS = 4
const PART_RECORDS = 10
const CLIENTS = 64

/** The parts of one group or transaction after the other. */
function partsOf(valueBytes: number): (index: number) => readonly (readonly BenchRecord[])[] {
  const batches = makeBatches(PART_RECORDS, valueBytes)
  return (index) => Array.from({ length: PARTS }, (_, at) => batches[(index * PARTS + at) % batches.length] ?? [])
}

/** The one figure that is a size and no count: it was there before. */
const RING_SIZE = 'ringBytes'

/** What the peer counted since. */
function since(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): Figures {
  const counted = Object.entries(after).map(([name, value]) => {
    return [name, name === RING_SIZE ? value : value - (before[name] ?? 0)] as const
  })
  return Object.fromEntries(counted)
}

/**
 * Per group: what a chain of processing commits at once. Flushes are those of the groups alone, without open and close.
 */
export async function groups(
  open: OpenPeer,
  request: WorkloadRequest,
  commit: 'group' | 'transaction',
): Promise<Figures> {
  const { valueBytes } = request
  const peer = await open({ valueBytes, commit, durable: true })
  const count = Math.max(20, Math.round(request.records / (PARTS * PART_RECORDS)))
  const parts = partsOf(valueBytes)
  const warmUp = warmUpCount(count)
  for (let index = 0; index < warmUp; index++) await peer.appendGroup?.(parts(index), index + 1, 0)
  const before = { ...peer.report?.() }
  const took = new Float64Array(count)
  for (let index = 0; index < count; index++) {
    const group = parts(warmUp + index)
    const started = performance.now()
    const pending = peer.appendGroup?.(group, warmUp + index + 1, 0)
    if (pending !== undefined) await pending
    took[index] = performance.now() - started
  }
  const figures = since(before, { ...peer.report?.() })
  await peer.close()
  const payload = payloadBytes(count * PARTS * PART_RECORDS, valueBytes)
  const warmUpPayload = payloadBytes(warmUp * PARTS * PART_RECORDS, valueBytes)
  return { ...latencies(took), groups: count, payload, warmUpPayload, ...figures }
}

/** 64 clients, each with one transaction outstanding: the next one is wanted the moment the one before is done. */
export async function manyGroups(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  const { valueBytes } = request
  const peer = await open({ valueBytes, commit: 'transaction', durable: true })
  const each = Math.max(4, Math.round(request.records / (PARTS * PART_RECORDS * CLIENTS)))
  const parts = partsOf(valueBytes)
  const took = new Float64Array(each * CLIENTS)
  let done = 0
  const client = async (number: number, from: number, count: number, isTimed: boolean): Promise<void> => {
    let wanted = performance.now()
    for (let index = from; index < from + count; index++) {
      await peer.appendGroup?.(parts(index * CLIENTS + number), index + 1, number)
      const now = performance.now()
      if (isTimed) took[done++] = now - wanted
      wanted = now
    }
  }
  const clients = Array.from({ length: CLIENTS }, (_, number) => number)
  const warmUp = warmUpCount(each)
  await Promise.all(clients.map((number) => client(number, 0, warmUp, false)))
  const before = { ...peer.report?.() }
  const started = performance.now()
  await Promise.all(clients.map((number) => client(number, warmUp, each, true)))
  const seconds = (performance.now() - started) / 1000
  const figures = since(before, { ...peer.report?.() })
  await peer.close()
  const payload = payloadBytes(done * PARTS * PART_RECORDS, valueBytes)
  const warmUpPayload = payloadBytes(warmUp * CLIENTS * PARTS * PART_RECORDS, valueBytes)
  return { ...latencies(took), transactionsPerSecond: done / seconds, groups: done, payload, warmUpPayload, ...figures }
}

export async function processAll(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  const { valueBytes } = request
  const peer = await open({ valueBytes, commit: 'bulk', durable: false })
  const records = await fill(peer, request.records, BULK_BATCH, valueBytes)
  const before = { ...peer.report?.() }
  const started = performance.now()
  await peer.process?.(records)
  const seconds = (performance.now() - started) / 1000
  const figures = since(before, { ...peer.report?.() })
  await peer.close()
  return {
    recordsPerSecond: records / seconds,
    groups: records / BULK_BATCH,
    payload: payloadBytes(records, valueBytes),
    ...figures,
  }
}

export async function ingest(open: OpenPeer, request: WorkloadRequest): Promise<Figures> {
  const { valueBytes } = request
  const batches = makeBatches(BULK_BATCH, valueBytes)
  const count = Math.max(1, Math.round(request.records / BULK_BATCH))
  function* rows(): Generator<BenchRecord, void, undefined> {
    for (let index = 0; index < count; index++) yield* batches[index % batches.length] ?? []
  }
  const peer = await open({ valueBytes, commit: 'bulk', durable: true })
  const before = { ...peer.report?.() }
  const started = performance.now()
  await peer.ingest?.(rows())
  const seconds = (performance.now() - started) / 1000
  const figures = since(before, { ...peer.report?.() })
  await peer.close()
  const records = count * BULK_BATCH
  return { recordsPerSecond: records / seconds, groups: count, payload: payloadBytes(records, valueBytes), ...figures }
}
