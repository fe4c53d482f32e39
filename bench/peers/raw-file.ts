import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'

// `append`: one growing file. `prealloc`: files of zeros written and synced ahead in the background, so that a write
// allocates no block and its sync has no journal to write. `ring`: the same, but a full file is the next one again.
export type RawFileMode = 'append' | 'prealloc' | 'ring'

const SEGMENT_BYTES = 16 * 1024 * 1024
const ZEROS = Buffer.alloc(1024 * 1024)
const RING_SEGMENTS = 2

export interface RawSegment {
  readonly descriptor: number
  readonly base: number
  readonly bytes: number
}

/** The bytes of a hand-written log: positions grow over all files; no write crosses a file. */
export class RawFile {
  readonly segments: RawSegment[] = []
  position: number = 0
  readonly #mode: RawFileMode
  #directory: string = ''
  #fileCount: number = 0
  #next: number | undefined
  #preparing: Promise<void> | undefined
  #closing: boolean = false
  #descriptor: number = -1
  #base: number = 0

  constructor(mode: RawFileMode) {
    this.#mode = mode
  }

  open(directory: string): void {
    this.#directory = directory
    const names = readdirSync(directory)
      .filter((name) => name.endsWith('.raw'))
      .sort()
    for (const name of names) this.#add(openSync(join(directory, name), 'r+'))
    this.#fileCount = names.length
    if (names.length === 0) this.#add(this.#mode === 'append' ? this.#create() : this.#createZeroed())
    if (this.#mode === 'ring') while (this.segments.length < RING_SEGMENTS) this.#add(this.#createZeroed())
    this.#enter(this.segments[0] as RawSegment)
  }

  /** Continues at the end that a scan found. */
  resume(position: number): void {
    const segment = this.segments.findLast((candidate) => candidate.base <= position) as RawSegment
    this.#enter(segment)
    this.position = position
  }

  /** The position at which `length` bytes go next; enters the next file where they don't fit in this one. */
  reserve(length: number): number | Promise<number> {
    if (this.#mode === 'append' || this.position - this.#base + length <= SEGMENT_BYTES) {
      return this.position
    }
    if (this.#mode === 'ring') {
      const at = this.segments.findIndex((segment) => segment.descriptor === this.#descriptor)
      this.#enter(this.segments[(at + 1) % this.segments.length] as RawSegment)
      return this.position
    }
    if (this.#next !== undefined) return this.#roll()
    this.#preparing ??= this.#prepare()
    return this.#preparing.then(() => this.#roll())
  }

  write(bytes: Uint8Array, length: number): void {
    const written = writeSync(this.#descriptor, bytes, 0, length, this.position - this.#base)
    if (written !== length) throw new Error(`short write: ${written} of ${length} bytes`)
    this.position += length
    const half = this.position - this.#base > SEGMENT_BYTES / 2
    if (half && this.#mode === 'prealloc' && this.#next === undefined && this.#preparing === undefined) {
      this.#preparing = this.#prepare()
    }
  }

  syncNow(): void {
    fdatasyncSync(this.#descriptor)
  }

  sync(done: (error: Error | null) => void): void {
    fdatasync(this.#descriptor, done)
  }

  read(position: number, target: Uint8Array, length: number): number {
    const segment =
      this.segments.length === 1 ? this.segments[0] : this.segments.findLast((one) => one.base <= position)
    if (segment === undefined) return 0
    return readSync(segment.descriptor, target, 0, length, position - segment.base)
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#preparing
    this.syncNow()
    for (const segment of this.segments) closeSync(segment.descriptor)
    if (this.#next !== undefined) closeSync(this.#next)
  }

  #enter(segment: RawSegment): void {
    this.#descriptor = segment.descriptor
    this.#base = segment.base
    this.position = segment.base
  }

  #roll(): number {
    // What was not synced in the full file must not become durable after what follows it.
    this.syncNow()
    const descriptor = this.#next as number
    this.#next = undefined
    this.#add(descriptor)
    this.#enter(this.segments.at(-1) as RawSegment)
    return this.position
  }

  #add(descriptor: number): void {
    const last = this.segments.at(-1)
    const bytes = this.#mode === 'append' ? fstatSync(descriptor).size : SEGMENT_BYTES
    this.segments.push({ descriptor, base: last === undefined ? 0 : last.base + last.bytes, bytes })
  }

  #path(): string {
    return join(this.#directory, `${String(this.#fileCount++).padStart(6, '0')}.raw`)
  }

  #create(): number {
    const descriptor = openSync(this.#path(), 'w+')
    syncDirectory(this.#directory)
    return descriptor
  }

  #createZeroed(): number {
    const descriptor = openSync(this.#path(), 'w+')
    for (let at = 0; at < SEGMENT_BYTES; at += ZEROS.length) writeSync(descriptor, ZEROS, 0, ZEROS.length, at)
    fsyncSync(descriptor)
    syncDirectory(this.#directory)
    return descriptor
  }

  async #prepare(): Promise<void> {
    const path = this.#path()
    const handle = await open(path, 'w+')
    for (let at = 0; at < SEGMENT_BYTES && !this.#closing; at += ZEROS.length) {
      await handle.write(ZEROS, 0, ZEROS.length, at)
      await handle.datasync()
    }
    await handle.close()
    syncDirectory(this.#directory)
    this.#next = openSync(path, 'r+')
    this.#preparing = undefined
  }
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
