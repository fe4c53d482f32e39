import type { BenchRecord, Peer } from './peer.ts'

/** Stores nothing: what the harness alone costs, above which the memory of the others is counted. */
class NoStore implements Peer {
  readonly checksReads: boolean = false
  #count: number = 0

  open(): void {}

  appendBatch(records: readonly BenchRecord[]): void {
    this.#count += records.length
  }

  nextOffset(): number {
    return this.#count
  }

  close(): void {}
}

export function createPeer(_variant: string): Peer {
  return new NoStore()
}
