import type { Compactable, Rewrite, SealedBatch } from '../../partition-store.ts'
import { runTask } from '../../run-task.ts'
import { check, same, sameBytes } from '../case.ts'
import type { PartitionLog } from '../partition-log.ts'
import { orders, type PartitionCases } from './expectations.ts'

const CLOSED_RANGES = 3
const BATCHES_EACH = 2
const RECORDS_EACH = 2

/** Closed ranges, after a clean close, and a last one; returns all batches. */
async function closedRanges(log: PartitionLog): Promise<readonly SealedBatch[]> {
  await log.open()
  await log.create(orders)
  const batches: SealedBatch[] = []
  const append = (): void => {
    const wish = { recordCount: RECORDS_EACH, timestamp: 1000 + batches.length, producerId: 5, producerEpoch: 0 }
    const baseOffset = log.nextOffset(orders)
    const bytes = log.append(orders, { ...wish, baseSequence: baseOffset })
    batches.push({ bytes, baseOffset, nextOffset: log.nextOffset(orders), maxTimestamp: wish.timestamp })
  }
  for (let range = 0; range < CLOSED_RANGES; range++) {
    for (let count = 0; count < BATCHES_EACH; count++) append()
    await log.commit({ durable: [orders] })
    log.store.seal(orders)
    await log.activate(orders)
  }
  append()
  await log.commit({ durable: [orders] })
  await log.reopen()
  return batches
}

/** What a pass could work on: whole batches from the partition's start on. */
function reach(log: PartitionLog): Compactable & { readonly nextOffset: number } {
  const compactable = log.store.compactable(orders)
  const nextOffset = compactable.segments.at(-1)?.nextOffset ?? 0
  check(nextOffset > 0, 'something to compact after a clean close')
  return { ...compactable, nextOffset }
}

async function begin(log: PartitionLog, nextOffset: number, kept: readonly SealedBatch[]): Promise<Rewrite> {
  const rewrite = await runTask(log.store.rewrite(orders, 0, nextOffset))
  for (const batch of kept) {
    const bytes = batch.bytes.slice()
    rewrite.append({ ...batch, bytes })
    // The view is the store's during the call only.
    bytes.fill(0xee)
  }
  return rewrite
}

/** Every second batch, and the one that ends where the replaced part does. */
function thinned(batches: readonly SealedBatch[], nextOffset: number): readonly SealedBatch[] {
  const replaced = batches.filter((batch) => batch.nextOffset <= nextOffset)
  return replaced.filter((batch, index) => index % 2 === 1 || batch === replaced.at(-1))
}

function bytesOf(batches: readonly SealedBatch[]): Uint8Array {
  return Uint8Array.from(batches.flatMap(({ bytes }) => [...bytes]))
}

/** All of the partition from an offset on; a read may give less at once. */
async function readAll(log: PartitionLog, from: number = 0): Promise<Uint8Array> {
  const parts: number[] = []
  for (let offset = from; ; ) {
    const read = await log.read(orders, offset)
    check(typeof read !== 'number' || read === 0, `bytes of orders-0 at ${offset}, not ${String(read)}`)
    if (typeof read === 'number') return Uint8Array.from(parts)
    parts.push(...read)
    offset = endOf(read)
  }
}

/** After the last of these batches. */
function endOf(batches: Uint8Array): number {
  const view = new DataView(batches.buffer, batches.byteOffset, batches.byteLength)
  let end = 0
  for (let at = 0; at < batches.length; at += 12 + view.getInt32(at + 8)) {
    end = Number(view.getBigInt64(at)) + view.getInt32(at + 23) + 1
  }
  return end
}

async function expectAll(log: PartitionLog, batches: readonly SealedBatch[], what: string): Promise<void> {
  sameBytes(await readAll(log), bytesOf(batches), what)
}

async function maintain(log: PartitionLog): Promise<void> {
  for (let due = log.store.maintenance(); due !== undefined; due = log.store.maintenance()) await runTask(due)
}

export const compactionCases: PartitionCases = {
  async 'compactable: whole parts from the start on, in offset order, without the one that takes appends'(log) {
    const batches = await closedRanges(log)
    const { segments, cleanedOffset, nextOffset } = reach(log)
    same(cleanedOffset, 0, 'cleaned')
    check(nextOffset < log.nextOffset(orders), 'the last batch to stay out of it')
    let from = 0
    for (const segment of segments) {
      const inside = batches.filter((batch) => batch.baseOffset >= from && batch.nextOffset <= segment.nextOffset)
      same(segment.baseOffset, from, 'base offset')
      same(segment.sizeBytes, bytesOf(inside).length, 'bytes')
      same(segment.maxTimestamp, inside.at(-1)?.maxTimestamp, 'greatest timestamp')
      check([-1, inside[0]?.maxTimestamp].includes(segment.firstTimestamp), 'the first time, or that it is not known')
      from = segment.nextOffset
    }
  },
  async 'rewrite: seen from its commit on, whole, and after a clean close'(log) {
    const batches = await closedRanges(log)
    const { nextOffset } = reach(log)
    const kept = thinned(batches, nextOffset)
    const after = [...kept, ...batches.filter((batch) => batch.baseOffset >= nextOffset)]
    const rewrite = await begin(log, nextOffset, kept)
    await expectAll(log, batches, 'before the commit')
    same(await runTask(rewrite.exchange()), true, 'committed')
    await expectAll(log, after, 'after it')
    await maintain(log)
    await expectAll(log, after, 'after maintenance')
    const windows = [...log.producers(orders)]
    const state = await log.reopen()
    await expectAll(log, after, 'after a close')
    same(state.report.damage, [], 'damage')
    same(state.partitions[0]?.nextOffset, batches.at(-1)?.nextOffset, 'next offset')
    same([...log.producers(orders)], windows, 'windows')
  },
  async 'rewrite: a crash leaves what was or what is to be'(log) {
    const batches = await closedRanges(log)
    const { nextOffset } = reach(log)
    const kept = thinned(batches, nextOffset)
    const after = [...kept, ...batches.filter((batch) => batch.baseOffset >= nextOffset)]
    await begin(log, nextOffset, kept)
    await log.crash()
    await expectAll(log, batches, 'a crash before the commit')
    const again = reach(log)
    same(
      await runTask((await begin(log, again.nextOffset, thinned(batches, again.nextOffset))).exchange()),
      true,
      'done',
    )
    const state = await log.crash()
    same(state.report.damage, [], 'damage')
    const found = await readAll(log)
    sameBytes(found, bytesOf(found.length === bytesOf(batches).length ? batches : after), 'after a crash')
  },
  async 'rewrite: abandoned it leaves what was, and another one may begin'(log) {
    const batches = await closedRanges(log)
    const { nextOffset } = reach(log)
    const rewrite = await begin(log, nextOffset, thinned(batches, nextOffset))
    await runTask(rewrite.abandon())
    await expectAll(log, batches, 'after it was abandoned')
    const another = await begin(log, nextOffset, thinned(batches, nextOffset))
    same(await runTask(another.exchange()), true, 'committed')
    await log.reopen()
    same((await readAll(log)).length < bytesOf(batches).length, true, 'fewer bytes')
  },
  async 'rewrite: false, with nothing changed, where a part of it was removed meanwhile'(log) {
    const batches = await closedRanges(log)
    const { nextOffset, segments } = reach(log)
    const rewrite = await begin(log, nextOffset, thinned(batches, nextOffset))
    const start = segments[0]?.nextOffset ?? 0
    await log.deleteBefore(orders, start)
    same(await runTask(rewrite.exchange()), false, 'committed')
    const left = batches.filter((batch) => batch.baseOffset >= start)
    sameBytes(await readAll(log, start), bytesOf(left), 'what was not removed')
    same((await log.reopen()).report.damage, [], 'damage')
    sameBytes(await readAll(log, start), bytesOf(left), 'after a close')
  },
  async 'cleaned: where the next pass begins, kept over a close; a crash may forget it'(log) {
    await closedRanges(log)
    const { nextOffset } = reach(log)
    await runTask(log.store.cleaned(orders, nextOffset))
    same(log.store.compactable(orders).cleanedOffset, nextOffset, 'at once')
    await log.reopen()
    same(log.store.compactable(orders).cleanedOffset, nextOffset, 'after a close')
    await log.crash()
    check([0, nextOffset].includes(log.store.compactable(orders).cleanedOffset), 'the same or nothing after a crash')
  },
}
