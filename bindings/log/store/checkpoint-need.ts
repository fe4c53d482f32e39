/** How full the ring is. */
interface RingUse {
  readonly usedBytes: number
  readonly sizeBytes: number
}

/**
 * Decides when the next checkpoint is due. At most one is under way; what comes meanwhile counts for the one after it.
 */
export class CheckpointNeed {
  /**
   * Bytes in segments, of any acks, that no checkpoint has synced (rule 4): a recovery would have to write them again.
   */
  #unsyncedBytes = 0
  #isWanted = false
  #isUnderWay = false

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  appended(sizeBytes: number): void {
    this.#unsyncedBytes += sizeBytes
  }

  /** Something waits for a checkpoint, even if there is nothing to sync. */
  ask(): void {
    this.#isWanted = true
  }

  isDue(ring: RingUse): boolean {
    return this.#isWanted || ring.usedBytes * 2 >= ring.sizeBytes || this.#unsyncedBytes > ring.sizeBytes
  }

  /** A checkpoint begins: what is appended from now on counts for the next one. */
  begin(): void {
    this.#isUnderWay = true
    this.#isWanted = false
    this.#unsyncedBytes = 0
  }

  end(): void {
    this.#isUnderWay = false
  }
}
