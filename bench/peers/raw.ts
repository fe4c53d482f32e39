import type { BenchRecord, Peer, PeerOptions, Visit } from '../harness/peer.ts'
import { RawFile, type RawFileMode } from './raw-file.ts'
import { BATCH_HEADER_BYTES, type Crc32c, loadCrc, RawEncoder, readRaw, scanRaw } from './raw-format.ts'

interface RawVariant {
  readonly mode: RawFileMode
  readonly crc: boolean
  /** Sync on the thread pool instead of in the event loop. */
  readonly pooled?: boolean | undefined
  /** Encode each distinct batch once and write the same bytes again: what the disk alone allows. */
  readonly blob?: boolean | undefined
}

const POSITION = Buffer.from('position')
const ROWS_PER_GROUP = 1000

const VARIANTS: Readonly<Record<string, RawVariant>> = {
  raw: { mode: 'append', crc: false },
  'raw-crc': { mode: 'append', crc: true },
  'raw-async': { mode: 'append', crc: true, pooled: true },
  'raw-prealloc': { mode: 'prealloc', crc: true },
  'raw-ring': { mode: 'ring', crc: true },
  'raw-ring-async': { mode: 'ring', crc: true, pooled: true },
  'raw-blob': { mode: 'append', crc: false, blob: true },
}

/** A log by hand: length-prefixed batches, one write each, fdatasync where durable, an index entry per record. */
class RawLog implements Peer {
  readonly checksReads: boolean
  readonly #variant: RawVariant
  readonly #file: RawFile
  readonly #crc: Crc32c | undefined
  readonly #encoder: RawEncoder
  readonly #scratch: Buffer = Buffer.allocUnsafeSlow(64 * 1024)
  readonly #blobs: Map<readonly BenchRecord[], Buffer> = new Map()
  #positions: Float64Array = new Float64Array(64 * 1024)
  #count: number = 0
  #recordBytes: number = 0
  /** Bulk loads and scans read no single record, so they pay for no index. */
  #indexed: boolean = true
  #flushes: number = 0
  readonly #read: (position: number, target: Uint8Array, length: number) => number

  constructor(variant: RawVariant) {
    this.#variant = variant
    this.checksReads = variant.crc
    this.#file = new RawFile(variant.mode)
    this.#crc = variant.crc ? loadCrc() : undefined
    this.#encoder = new RawEncoder(this.#crc)
    this.#read = (position, target, length): number => this.#file.read(position, target, length)
  }

  open(directory: string, options: PeerOptions): void {
    this.#file.open(directory)
    this.#recordBytes = options.valueBytes + 20
    this.#indexed = options.commit === 'small'
    if (this.#variant.mode === 'ring') return
    // A full scan is what a log without a recovery point owes after a crash.
    let end = 0
    for (const segment of this.#file.segments) {
      const scan = scanRaw(this.#read, segment.base, this.#crc, undefined, (position) => this.#note(position))
      if (scan.records > 0) end = scan.end
    }
    this.#file.resume(end)
  }

  appendBatch(records: readonly BenchRecord[], durable: boolean): void | Promise<void> {
    const reserved = this.#file.reserve(records.length * (this.#recordBytes + 4) + BATCH_HEADER_BYTES)
    if (typeof reserved !== 'number') return reserved.then(() => this.#append(records, durable))
    return this.#append(records, durable)
  }

  #append(records: readonly BenchRecord[], durable: boolean): void | Promise<void> {
    while (this.#indexed && this.#count + records.length > this.#positions.length) this.#grow()
    if (this.#variant.blob === true) this.#writeBlob(records)
    else {
      const positions = this.#indexed ? this.#positions : undefined
      const length = this.#encoder.encode(records, this.#file.position, positions, this.#count)
      this.#file.write(this.#encoder.bytes, length)
    }
    this.#count += records.length
    if (!durable) return
    this.#flushes++
    if (this.#variant.pooled !== true) return this.#file.syncNow()
    return new Promise((resolve, reject) => {
      this.#file.sync((error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** All of it and the position: one write, one sync. */
  appendGroup(parts: readonly (readonly BenchRecord[])[], nextOffset: number): void | Promise<void> {
    const position = Buffer.alloc(8)
    position.writeBigUInt64LE(BigInt(nextOffset))
    return this.appendBatch([...parts.flat(), { key: POSITION, value: position }], true)
  }

  async ingest(rows: Iterable<BenchRecord>): Promise<void> {
    let group: BenchRecord[] = []
    let count = 0
    for (const row of rows) {
      group.push(row)
      if (++count % ROWS_PER_GROUP !== 0) continue
      const pending = this.appendGroup([group], count)
      if (pending !== undefined) await pending
      group = []
    }
  }

  scan(visit: Visit): number {
    let records = 0
    for (const segment of this.#file.segments) {
      records += scanRaw(this.#read, segment.base, this.#crc, visit).records
    }
    return records
  }

  read(offset: number, visit: Visit): void {
    readRaw(this.#read, this.#positions[offset] as number, this.#scratch, this.#recordBytes, visit)
  }

  nextOffset(): number {
    return this.#count
  }

  report(): Readonly<Record<string, number>> {
    return { flushes: this.#flushes }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  #writeBlob(records: readonly BenchRecord[]): void {
    let blob = this.#blobs.get(records)
    if (blob === undefined) {
      const length = this.#encoder.encode(records, 0, undefined, 0)
      blob = Buffer.from(this.#encoder.bytes.subarray(0, length))
      this.#blobs.set(records, blob)
    }
    this.#file.write(blob, blob.length)
  }

  #note(position: number): void {
    if (this.#count === this.#positions.length) this.#grow()
    this.#positions[this.#count++] = position
  }

  #grow(): void {
    const grown = new Float64Array(this.#positions.length * 2)
    grown.set(this.#positions)
    this.#positions = grown
  }
}

export function createPeer(variant: string): Peer {
  const found = VARIANTS[variant]
  if (found === undefined) throw new Error(`no raw variant ${variant}; there are ${Object.keys(VARIANTS).join(', ')}`)
  return new RawLog(found)
}
