import type { BenchRecord, Peer, PeerOptions } from '../harness/peer.ts'
import { RawFile, type RawFileMode } from './raw-file.ts'
import { loadCrc, RawEncoder } from './raw-format.ts'

interface CoalesceVariant {
  readonly mode: RawFileMode
  readonly pooled: boolean
}

const VARIANTS: Readonly<Record<string, CoalesceVariant>> = {
  'raw-coalesce': { mode: 'append', pooled: false },
  'raw-coalesce-async': { mode: 'append', pooled: true },
  'raw-coalesce-prealloc': { mode: 'prealloc', pooled: false },
  'raw-coalesce-prealloc-async': { mode: 'prealloc', pooled: true },
  'raw-coalesce-ring': { mode: 'ring', pooled: false },
  'raw-coalesce-ring-async': { mode: 'ring', pooled: true },
}

interface Group {
  readonly records: BenchRecord[]
  readonly done: Promise<void>
  readonly settle: (error: Error | null) => void
}

/** Group commit by hand: what arrives in a turn, or while a sync runs, is one checksummed write and one fdatasync. */
class CoalescingLog implements Peer {
  readonly checksReads: boolean = true
  readonly #pooled: boolean
  readonly #file: RawFile
  readonly #encoder: RawEncoder = new RawEncoder(loadCrc())
  #group: Group | undefined
  #busy: boolean = false
  #count: number = 0
  #flushes: number = 0

  constructor(variant: CoalesceVariant) {
    this.#pooled = variant.pooled
    this.#file = new RawFile(variant.mode)
  }

  open(directory: string, _options: PeerOptions): void {
    this.#file.open(directory)
  }

  append(record: BenchRecord): Promise<void> {
    this.#group ??= this.#startGroup()
    this.#group.records.push(record)
    // One promise for the whole group: cheaper than one for each of its producers.
    return this.#group.done
  }

  appendBatch(records: readonly BenchRecord[], _durable: boolean): Promise<void> {
    this.#group ??= this.#startGroup()
    for (const record of records) this.#group.records.push(record)
    return this.#group.done
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

  #startGroup(): Group {
    let settle: Group['settle'] = () => {}
    const done = new Promise<void>((resolve, reject) => {
      settle = (error): void => (error === null ? resolve() : reject(error))
    })
    // Microtasks of this turn still join; the flush comes when they are through.
    if (!this.#busy) setImmediate(() => this.#flush())
    return { records: [], done, settle }
  }

  #flush(): void {
    const group = this.#group
    if (group === undefined || this.#busy) return
    this.#busy = true
    this.#group = undefined
    let bound = 64
    for (const record of group.records) bound += record.key.length + record.value.length + 8
    const reserved = this.#file.reserve(bound)
    if (typeof reserved === 'number') this.#write(group)
    else reserved.then(() => this.#write(group), group.settle)
  }

  #write(group: Group): void {
    const { records } = group
    const length = this.#encoder.encode(records, this.#file.position, undefined, 0)
    this.#file.write(this.#encoder.bytes, length)
    this.#count += records.length
    this.#flushes++
    if (this.#pooled) {
      this.#file.sync((error) => this.#finish(group, error))
      return
    }
    this.#file.syncNow()
    this.#finish(group, null)
  }

  #finish(group: Group, error: Error | null): void {
    this.#busy = false
    group.settle(error)
    // A pooled sync let others arrive meanwhile; they wait until those just woken had their turn to join.
    if (this.#group !== undefined) setImmediate(() => this.#flush())
  }
}

export function createPeer(variant: string): Peer {
  const found = VARIANTS[variant]
  if (found === undefined) throw new Error(`no coalescing variant ${variant}`)
  return new CoalescingLog(found)
}
