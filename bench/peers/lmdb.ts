import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import type { BenchRecord, Peer, PeerOptions, Visit } from '../harness/peer.ts'
import { packRecords, visitPacked } from './packed.ts'

/** A commit promise of lmdb under `separateFlushed`: `flushed` settles when it is on disk. */
type CommitPromise = Promise<boolean> & { readonly flushed?: Promise<unknown> }

/** `put`: batched asynchronous puts with overlapping syncs; `sync`: one transactionSync per append. */
class LmdbLog implements Peer {
  readonly checksReads: boolean = false
  readonly #synchronous: boolean
  readonly #packed: Buffer[] = []
  #database!: RootDatabase<Buffer, number>
  #separate: boolean = false
  #count: number = 0
  append?: (record: BenchRecord) => Promise<void>

  constructor(synchronous: boolean) {
    this.#synchronous = synchronous
    if (!synchronous) this.append = (record): Promise<void> => this.#put([record], true)
  }

  open(directory: string, options: PeerOptions): void {
    this.#separate = !this.#synchronous && !options.durable
    this.#database = open<Buffer, number>({
      path: join(directory, 'log.lmdb'),
      encoding: 'binary',
      keyEncoding: 'uint32',
      noMemInit: true,
      pageSize: options.commit === 'bulk' ? 16_384 : 4096,
      overlappingSync: !this.#synchronous,
      separateFlushed: this.#separate,
      mapSize: 4 * 1024 ** 3,
    } as Parameters<typeof open>[0]) as RootDatabase<Buffer, number>
    for (const last of this.#database.getKeys({ reverse: true, limit: 1 })) this.#count = last + 1
  }

  appendBatch(records: readonly BenchRecord[], durable: boolean): void | Promise<void> {
    if (!this.#synchronous) return this.#put(records, durable)
    packRecords(records, this.#packed)
    this.#database.transactionSync(() => {
      for (const value of this.#packed) this.#database.putSync(this.#count++, value, { append: true })
    })
  }

  async #put(records: readonly BenchRecord[], durable: boolean): Promise<void> {
    packRecords(records, this.#packed)
    let commit: CommitPromise | undefined
    for (const value of this.#packed) commit = this.#database.put(this.#count++, value)
    // Promises of one commit settle together, so the last stands for all.
    await commit
    if (durable && this.#separate) await (commit?.flushed ?? this.#database.flushed)
  }

  scan(visit: Visit): number {
    // Faster than its range iterator: the value's buffer is reused, and no entry object is made.
    let records = 0
    for (;;) {
      const value = this.#database.getBinaryFast(records)
      if (value === undefined) return records
      visitPacked(value, visit)
      records++
    }
  }

  read(offset: number, visit: Visit): void {
    const value = this.#database.getBinaryFast(offset)
    if (value === undefined) throw new Error(`no value at offset ${offset}`)
    visitPacked(value, visit)
  }

  nextOffset(): number {
    return this.#count
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

export function createPeer(variant: string): Peer {
  return new LmdbLog(variant === 'sync')
}
