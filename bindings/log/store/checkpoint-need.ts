/** How far the ring is full. */
interface RingUse {
  readonly usedBytes: number
  readonly sizeBytes: number
}

/** When the next checkpoint is due. One is under way at most, and what comes meanwhile counts for the one after it. */
export class CheckpointNeed {
  /** Segment bytes of any acks that no checkpoint synced (rule 4): a recovery would have to write them again. */
  #unsyncedBytes = 0
  #isWanted = false
  #isUnderWay = false

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  appended(sizeBytes: number): void {
    this.#unsyncedBytes += sizeBytes
  }

  /** Something waits for it, whatever there is to sync. */
  ask(): void {
    this.#isWanted = true
  }

  isDue(ring: RingUse): boolean {
    return this.#isWanted || ring.usedBytes * 2 >= ring.sizeBytes || this.#unsyncedBytes > ring.sizeBytes
  }

  /** What is appended from here on is left for the next one. */
  begin(): void {
    this.#isUnderWay = true
    this.#isWanted = false
    this.#unsyncedBytes = 0
  }

  end(): void {
    this.#isUnderWay = false
  }
}
