import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { BenchRecord, Peer, PeerOptions, Visit } from '../harness/peer.ts'
import { packRecords, visitPacked } from './packed.ts'

const KEY_BYTES = 4
const SCAN_ENTRIES = 2000

/** LevelDB with one chained batch per append; `sync` where durable. */
class LevelLog implements Peer {
  readonly checksReads: boolean = false
  readonly #packed: Buffer[] = []
  readonly #lookup: Buffer = Buffer.alloc(KEY_BYTES)
  #level!: ClassicLevel<Buffer, Buffer>
  #count: number = 0

  async open(directory: string, _options: PeerOptions): Promise<void> {
    this.#level = new ClassicLevel<Buffer, Buffer>(join(directory, 'log.level'), {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      writeBufferSize: 64 * 1024 * 1024,
      blockSize: 16 * 1024,
      compression: false,
      cacheSize: 64 * 1024 * 1024,
    })
    await this.#level.open()
    for await (const last of this.#level.keys({ reverse: true, limit: 1 })) this.#count = last.readUInt32BE(0) + 1
  }

  appendBatch(records: readonly BenchRecord[], durable: boolean): Promise<void> {
    packRecords(records, this.#packed)
    const keys = Buffer.allocUnsafe(records.length * KEY_BYTES)
    const batch = this.#level.batch()
    for (let index = 0; index < records.length; index++) {
      keys.writeUInt32BE(this.#count++, index * KEY_BYTES)
      batch.put(keys.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES), this.#packed[index] as Buffer)
    }
    return batch.write({ sync: durable })
  }

  async scan(visit: Visit): Promise<number> {
    const iterator = this.#level.values({ highWaterMarkBytes: 4 * 1024 * 1024 })
    let records = 0
    for (;;) {
      const values = await iterator.nextv(SCAN_ENTRIES)
      if (values.length === 0) break
      for (const value of values) visitPacked(value, visit)
      records += values.length
    }
    await iterator.close()
    return records
  }

  read(offset: number, visit: Visit): void {
    this.#lookup.writeUInt32BE(offset, 0)
    const value = this.#level.getSync(this.#lookup)
    if (value === undefined) throw new Error(`no value at offset ${offset}`)
    visitPacked(value, visit)
  }

  nextOffset(): number {
    return this.#count
  }

  close(): Promise<void> {
    return this.#level.close()
  }
}

export function createPeer(_variant: string): Peer {
  return new LevelLog()
}
