import * as assert from 'uvu/assert'
import type { DecodedBatch, Kernel } from '../../../bindings/kernel/kernel.ts'
import { compact, type PassResult } from '../../../bindings/log/compaction/compaction-pass.ts'
import { dirtyPart } from '../../../bindings/log/compaction/dirty-part.ts'
import { withoutAborted } from '../../../bindings/log/partition/abort-filter.ts'
import { encodeBatch } from '../../../bindings/log/partition/encode.ts'
import { encodeMarker } from '../../../bindings/log/partition/marker.ts'
import { TransactionScan } from '../../../bindings/log/segment/transaction-scan.ts'
import { type CompressionType, codecOf, compressionId } from '../../../bindings/model/compression.ts'
import { ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../../bindings/model/records.ts'
import { ProducerWindows } from '../../../bindings/storage/batch-fields.ts'
import type { Task } from '../../../bindings/storage/effect.ts'
import type { PartitionSource, SegmentConfig } from '../../../bindings/storage/partition-source.ts'
import type { AbortedTransaction, PartitionStore } from '../../../bindings/storage/partition-store.ts'
import type { StoredProducer } from '../../../bindings/storage/stored-state.ts'
import { runNow } from '../support.ts'

export const ID = { topicId: 'AAAAAAAAAAAAAAAAAAAAAg', topic: 't', partition: 0 }

export interface Written {
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly timestamp: number
  readonly producerId: number
}

/** One batch of it, as it was appended. */
interface WrittenBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly producerId: number
  readonly isTransactional: boolean
  readonly isMarker: boolean
  state: 'decided' | 'open' | 'aborted'
  readonly records: readonly Written[]
}

export interface LogOptions {
  readonly segmentBytes: number
  readonly deleteRetentionMs: number
  readonly mapBytes: number
  readonly segmentBytesMax?: number
}

/** One partition of a store, compacted as the engine does it, and beside it what was written: the model. */
export class CompactedLog implements PartitionSource {
  readonly batches: WrittenBatch[] = []
  readonly store: PartitionStore
  readonly kernel: Kernel
  readonly options: LogOptions
  now = 1_000_000
  nextOffset = 0
  readonly #windows = new ProducerWindows()
  readonly #scan = new TransactionScan([])
  readonly #sequences = new Map<number, number>()
  /** When the first pass rewrote each batch, by its base offset. */
  readonly firstPass: Map<number, number> = new Map()
  cleanedOffset = 0

  constructor(kernel: Kernel, storeOf: (source: PartitionSource) => PartitionStore, options: LogOptions) {
    this.kernel = kernel
    this.options = options
    this.store = storeOf(this)
    runNow(this.store.open())
    runNow(this.store.create(ID))
    runNow(this.store.activate(ID))
  }

  producers(): Iterable<StoredProducer> {
    return this.#windows.all()
  }
  logStartOffset(): number {
    return 0
  }
  ceiling(): number {
    return 0
  }
  copyTail(): boolean {
    return false
  }
  segmentConfig(): SegmentConfig {
    const { segmentBytes } = this.options
    return { segmentBytes, segmentMs: 1e15, segmentIndexBytes: 10_485_760, indexIntervalBytes: 100 }
  }

  get lastStableOffset(): number {
    return this.#scan.open.lowest(this.nextOffset)
  }

  isOpen(producerId: number): boolean {
    return this.#scan.open.firstOffsetOf(producerId) >= 0
  }

  append(
    producerId: number,
    isTransactional: boolean,
    records: readonly (readonly [string, string | null])[],
    compression?: CompressionType | undefined,
  ): void {
    const baseSequence = producerId < 0 ? -1 : (this.#sequences.get(producerId) ?? 0)
    this.#sequences.set(producerId, baseSequence + records.length)
    const baseOffset = this.nextOffset
    const written = records.map(([key, value], index) => {
      return { offset: baseOffset + index, key, value, timestamp: this.now + ((index * 7) % 5) - 2, producerId }
    })
    const encoded = written.map(({ key, value, timestamp }) => ({ key, value, timestamp, headers: undefined }))
    const seal = {
      baseOffset,
      partitionLeaderEpoch: 0,
      producerId,
      producerEpoch: producerId < 0 ? -1 : 0,
      baseSequence,
      attributes: isTransactional ? ATTRIBUTE_TRANSACTIONAL : 0,
    }
    const plain = encodeBatch(this.kernel, encoded, seal, this.now)
    const bytes = compression === undefined ? plain : this.#compressed(plain, compression)
    this.#place(bytes, records.length, Math.max(...written.map(({ timestamp }) => timestamp)))
    this.batches.push({
      baseOffset,
      lastOffset: this.nextOffset - 1,
      producerId,
      isTransactional,
      isMarker: false,
      state: isTransactional ? 'open' : 'decided',
      records: written,
    })
  }

  #compressed(plain: Uint8Array, compression: CompressionType): Uint8Array {
    const records = codecOf(this.kernel.codecs, compression).compress(plain.subarray(61))
    const bytes = new Uint8Array(61 + records.length)
    bytes.set(plain.subarray(0, 61))
    bytes.set(records, 61)
    const view = new DataView(bytes.buffer)
    view.setInt32(8, bytes.length - 12)
    view.setInt16(21, view.getInt16(21) | compressionId(compression))
    view.setUint32(17, this.kernel.crc32cOf(bytes.subarray(21)))
    return bytes
  }

  #place(bytes: Uint8Array, count: number, maxTimestamp: number): AbortedTransaction | undefined {
    const batch = { bytes, baseOffset: this.nextOffset, nextOffset: this.nextOffset + count, maxTimestamp }
    for (let tries = 0; !this.store.append(ID, batch, false); tries++) {
      assert.ok(tries < 3)
      runNow(this.store.activate(ID))
    }
    this.nextOffset += count
    this.#windows.add(bytes)
    const header = this.#headerOf(bytes)
    return this.#scan.take(header, bytes)
  }

  #headerOf(bytes: Uint8Array) {
    const buffer = this.kernel.allocate(bytes.length)
    assert.ok(buffer)
    buffer.bytes(0, bytes.length).set(bytes)
    const header = this.kernel.batchReader.header(buffer, 0, bytes.length)
    assert.ok(header)
    const copy = { ...header }
    buffer.free()
    return copy
  }

  /** By a decision, as the engine places markers. */
  endTransaction(producerId: number, isCommit: boolean): void {
    const baseOffset = this.nextOffset
    const marker = { producerId, producerEpoch: 0, isCommit }
    const bytes = encodeMarker(this.kernel, marker, { baseOffset, leaderEpoch: 0, now: this.now })
    const aborted = this.#scan.take(this.#headerOf(bytes), bytes)
    const decision = { id: ID, bytes, baseOffset, nextOffset: baseOffset + 1, maxTimestamp: this.now }
    this.#commit([{ ...decision, placed: () => aborted }])
    this.#windows.add(bytes)
    this.#sequences.set(producerId, 0)
    this.nextOffset++
    for (const batch of this.batches) {
      if (batch.producerId === producerId && batch.state === 'open') batch.state = isCommit ? 'decided' : 'aborted'
    }
    this.batches.push({
      baseOffset,
      lastOffset: baseOffset,
      producerId,
      isTransactional: true,
      isMarker: true,
      state: 'decided',
      records: [],
    })
  }

  #commit(decisions: Parameters<PartitionStore['commit']>[0]['decisions']): void {
    if (!this.store.isActive(ID)) runNow(this.store.activate(ID))
    runNow(this.store.commit({ durable: [ID], decisions, ceilings: [], producerIdsEnd: undefined }))
    this.maintain()
  }

  maintain(): void {
    for (let work = this.store.maintenance(); work !== undefined; work = this.store.maintenance()) runNow(work)
  }

  commit(): void {
    this.#commit([])
  }

  /** A pass over all that may be cleaned; `undefined` when there is nothing new. */
  compact(run: <T>(task: Task<T>) => T = runNow): PassResult | undefined {
    const compactable = this.store.compactable(ID)
    const config = { minCleanableDirtyRatio: 0, minCompactionLagMs: 0, maxCompactionLagMs: Number.MAX_SAFE_INTEGER }
    const dirty = dirtyPart(compactable, this.lastStableOffset, config, { now: this.now, trustedNow: this.now })
    if (dirty === undefined) return undefined
    const result = run(
      compact({
        kernel: this.kernel,
        store: this.store,
        id: ID,
        dirty,
        logStartOffset: 0,
        limits: this.segmentConfig(),
        deleteRetentionMs: this.options.deleteRetentionMs,
        trustedNow: this.now,
        rewritten: () => {},
        mapBytes: this.options.mapBytes,
        ...(this.options.segmentBytesMax !== undefined && { segmentBytesMax: this.options.segmentBytesMax }),
        now: this.now,
        producers: () => this.producers(),
      }),
    )
    assert.ok(result, 'nobody else changes the partition')
    this.cleanedOffset = result.cleanedOffset
    const rewritten = dirty.segments.filter(({ baseOffset }) => baseOffset < result.cleanedOffset).at(-1)
    for (const batch of this.batches) {
      const isRewritten = batch.lastOffset < (rewritten?.nextOffset ?? 0)
      if (isRewritten && !this.firstPass.has(batch.baseOffset)) this.firstPass.set(batch.baseOffset, this.now)
    }
    this.maintain()
    return result
  }

  /** Every batch that the store has, in order. */
  stored(): DecodedBatch[] {
    const found: DecodedBatch[] = []
    const buffer = this.kernel.allocate(1 << 20)
    assert.ok(buffer)
    let before = -1
    for (let offset = 0; offset < this.nextOffset; ) {
      const into = () => buffer.bytes(0, buffer.sizeBytes)
      let count = this.store.read(ID, offset, into())
      if (count === undefined) {
        runNow(this.store.prepareRead(ID, offset))
        count = this.store.read(ID, offset, into()) ?? 0
      }
      assert.ok(count >= 0)
      if (count === 0) break
      for (let at = 0; at < count; ) {
        const batch = this.kernel.batchReader.decode(buffer, at, count - at)
        if (typeof batch === 'string') return assert.unreachable(`batch at offset ${offset}: ${batch}`) as never
        assert.ok(batch.baseOffset > before, 'offsets ascend')
        before = batch.nextOffset - 1
        found.push(batch)
        at += batch.header.sizeBytes
        offset = batch.nextOffset
      }
    }
    buffer.free()
    return found
  }

  /** What a reader of committed records gets of them. */
  visible(): Written[] {
    const stable = this.stored().filter((batch) => batch.nextOffset <= this.lastStableOffset)
    const data = stable.filter(({ header }) => (header.attributes & ATTRIBUTE_CONTROL) === 0)
    runNow(this.store.prepareRead(ID, 0, this.nextOffset))
    const aborted = this.store.abortedBetween(ID, 0, this.nextOffset)
    assert.ok(aborted)
    const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes))
    return withoutAborted(data, aborted).flatMap((batch) =>
      Array.from({ length: batch.recordCount }, (_, index) => ({
        offset: batch.offsetOf(index),
        key: text(batch.keyOf(index)) as string,
        value: text(batch.valueOf(index)),
        timestamp: batch.timestampOf(index),
        producerId: batch.header.producerId,
      })),
    )
  }
}

/** What must, may and must not be seen, from what was written alone. */
export function judge(log: CompactedLog): void {
  const { cleanedOffset, lastStableOffset, now, options } = log
  const committed = log.batches
    .filter(({ state, lastOffset }) => state === 'decided' && lastOffset < lastStableOffset)
    .flatMap(({ records, baseOffset }) => records.map((record) => ({ ...record, baseOffset })))
  const newest = new Map<string, number>()
  for (const { key, offset } of committed) if (offset < cleanedOffset) newest.set(key, offset)
  const visible = log.visible()
  const seen = new Map(visible.map((record) => [record.offset, record]))
  for (const { baseOffset, ...record } of committed) {
    const isNewest = record.offset >= cleanedOffset || newest.get(record.key) === record.offset
    if (!isNewest) {
      assert.not(seen.has(record.offset), `offset ${record.offset} has a newer record of its key`)
      continue
    }
    const firstPass = log.firstPass.get(baseOffset)
    const isCleaned = record.value === null && record.offset < cleanedOffset
    const mayBeGone = isCleaned && firstPass !== undefined && firstPass + options.deleteRetentionMs <= now
    if (mayBeGone && !seen.has(record.offset)) continue
    assert.equal(seen.get(record.offset), record, `the record at offset ${record.offset}, unchanged`)
  }
  const offsets = new Set(committed.map(({ offset }) => offset))
  for (const { offset } of visible) assert.ok(offsets.has(offset), `offset ${offset} was committed`)
}

/** Sequences and markers that nobody may lose, from the headers of what is stored. */
export function judgeHeaders(log: CompactedLog): void {
  const stored = log.stored()
  for (const { producerId, batches } of log.producers()) {
    const last = batches.at(-1)
    if (last === undefined) {
      assert.ok(stored.some(({ header }) => header.producerId === producerId && header.producerEpoch === 0))
      continue
    }
    const found = stored.find(({ nextOffset }) => nextOffset === last.lastOffset + 1)
    assert.ok(found, `the last batch of producer ${producerId}`)
    assert.equal([found.header.baseSequence, found.header.producerId], [last.firstSequence, producerId])
  }
  for (const { isMarker, isTransactional, producerId, baseOffset } of log.batches) {
    if (isMarker || !isTransactional || !stored.some((batch) => batch.baseOffset === baseOffset)) continue
    const marker = log.batches.find(
      (each) => each.isMarker && each.producerId === producerId && each.baseOffset > baseOffset,
    )
    if (marker === undefined) continue
    assert.ok(
      stored.some((batch) => batch.baseOffset === marker.baseOffset),
      `the marker of offset ${baseOffset}`,
    )
  }
}
