import { join } from 'node:path'
import openLog from 'async-append-only-log'
import type { BenchRecord, Peer, PeerOptions, Visit } from '../harness/peer.ts'
import { packRecords, visitPacked } from './packed.ts'

const BLOCK_BYTES = 64 * 1024
const DRAIN_EVERY_BATCHES = 50

/**
 * async-append-only-log; it knows positions in bytes, so a table from offset to position is kept beside it for free.
 */
class AppendOnlyLog implements Peer {
  readonly checksReads: boolean = false
  readonly #packed: Buffer[] = []
  readonly #positions: number[] = []
  #log!: ReturnType<typeof openLog>
  #batches: number = 0

  async open(directory: string, _options: PeerOptions): Promise<void> {
    // Zero would mean its default of 250 ms; a timer below 1 ms runs after 1 ms.
    this.#log = openLog(join(directory, 'log.aaol'), { blockSize: BLOCK_BYTES, writeTimeout: 0.01 })
    await new Promise<void>((resolve) => this.#log.onDrain(resolve))
  }

  async appendBatch(records: readonly BenchRecord[], durable: boolean): Promise<void> {
    packRecords(records, this.#packed)
    for (const value of this.#packed) {
      this.#log.append(value, (error, position) => {
        if (error !== null) throw error
        this.#positions.push(position)
      })
    }
    if (durable || ++this.#batches % DRAIN_EVERY_BATCHES === 0) {
      await new Promise<void>((resolve) => this.#log.onDrain(resolve))
    }
  }

  scan(visit: Visit): Promise<number> {
    return new Promise((resolve, reject) => {
      let records = 0
      this.#log.stream({ offsets: false, values: true }).pipe({
        paused: false,
        write(value): void {
          visitPacked(value, visit)
          records++
        },
        end(error): void {
          if (error instanceof Error) reject(error)
          else resolve(records)
        },
      })
    })
  }

  read(offset: number, visit: Visit): void | Promise<void> {
    let value: Buffer | undefined
    let wake: (() => void) | undefined
    this.#log.get(this.#positions[offset] as number, (error, found) => {
      if (error !== null) throw error
      value = found
      wake?.()
    })
    // A cached block answers at once, one from the file later.
    if (value !== undefined) return visitPacked(value, visit)
    return new Promise<void>((resolve) => {
      wake = resolve
    }).then(() => visitPacked(value as Buffer, visit))
  }

  nextOffset(): number {
    return this.#positions.length
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#log.close((error) => (error instanceof Error ? reject(error) : resolve())),
    )
  }
}

export function createPeer(_variant: string): Peer {
  return new AppendOnlyLog()
}
