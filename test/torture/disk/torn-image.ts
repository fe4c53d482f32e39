import { Random } from '../../../bindings/testkit/simulation/random.ts'

const SECTOR_BYTES = 512

/** What a cut leaves of the writes that no flush followed: none, all, or of each sector any of its versions. */
export type Leaving = 'none' | 'all' | 'some'

interface Unflushed {
  readonly position: number
  readonly before: Buffer
  readonly after: Buffer
}

/** The bytes of a disk, and which of them its next flush makes durable. */
export class TornImage {
  readonly bytes: Buffer
  #unflushed: Unflushed[] = []

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  write(data: Uint8Array, position: number): void {
    const before = Buffer.from(this.bytes.subarray(position, position + data.length))
    this.bytes.set(data, position)
    this.#unflushed.push({ position, before, after: Buffer.from(data) })
  }

  flush(): void {
    this.#unflushed = []
  }

  /** Sectors that are as they were, or as an earlier write left them; and of how many that could be. */
  cut(leaving: Leaving, seed: number): { readonly lost: number; readonly open: number } {
    const versions = new Map<number, Buffer[]>()
    for (const { position, before, after } of this.#unflushed) {
      for (let at = 0; at < after.length; at += SECTOR_BYTES) {
        const sector = position + at
        const known = versions.get(sector) ?? [before.subarray(at, at + SECTOR_BYTES)]
        known.push(after.subarray(at, at + SECTOR_BYTES))
        versions.set(sector, known)
      }
    }
    const random = new Random(seed)
    let lost = 0
    for (const [sector, known] of versions) {
      const newest = known.length - 1
      const chosen = leaving === 'none' ? 0 : leaving === 'all' ? newest : random.below(known.length)
      if (chosen !== newest) lost++
      this.bytes.set(known[chosen] as Buffer, sector)
    }
    this.flush()
    return { lost, open: versions.size }
  }
}
