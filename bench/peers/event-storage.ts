import library from 'event-storage'
import type { BenchRecord, Peer, PeerOptions, Visit } from '../harness/peer.ts'

const BUFFER_BYTES = 256 * 1024
const KEY_BYTES = 16

/** event-storage's Storage class, used directly: documents are text, so records are handed in and out as text. */
class EventStorageLog implements Peer {
  readonly checksReads: boolean = false
  /** Its users hold text already; the pool's records are turned into text once, in its favour. */
  readonly #texts: Map<BenchRecord, string> = new Map()
  #storage!: InstanceType<typeof library.Storage>

  open(directory: string, options: PeerOptions): void {
    this.#storage = new library.Storage('log', {
      dataDirectory: directory,
      serializer: { serialize: (document) => document, deserialize: (data) => data },
      readBufferSize: BUFFER_BYTES,
      writeBufferSize: BUFFER_BYTES,
      syncOnFlush: options.durable,
      indexOptions: { writeBufferSize: BUFFER_BYTES },
      // After a crash its lock directory is still there; reclaiming it checks for torn writes.
      lock: library.Storage.LOCK_RECLAIM,
    })
    this.#storage.open()
  }

  appendBatch(records: readonly BenchRecord[], durable: boolean): void {
    for (const record of records) this.#storage.write(this.#text(record))
    if (durable) this.#storage.flush()
  }

  scan(visit: Visit): number {
    let records = 0
    for (const document of this.#storage.readRange(1)) {
      visit(document.slice(0, KEY_BYTES), document.slice(KEY_BYTES))
      records++
    }
    return records
  }

  read(offset: number, visit: Visit): void {
    const document = this.#storage.read(offset + 1)
    if (document === false) throw new Error(`no document at offset ${offset}`)
    visit(document.slice(0, KEY_BYTES), document.slice(KEY_BYTES))
  }

  nextOffset(): number {
    return this.#storage.length
  }

  close(): void {
    // Closing syncs the data, in bulk too.
    this.#storage.close()
  }

  #text(record: BenchRecord): string {
    let text = this.#texts.get(record)
    if (text === undefined) {
      text = Buffer.concat([record.key, record.value]).toString('latin1')
      this.#texts.set(record, text)
    }
    return text
  }
}

export function createPeer(_variant: string): Peer {
  return new EventStorageLog()
}
