/**
 * How a member acknowledges offsets that it has locked. Kafka's words (KIP-932): `accept`, `release`, `reject`, `gap`
 * where readers see no record, `renew` (KIP-1222) for a lock that is to last longer. And `unseen`: released before the
 * program saw it, so that this delivery doesn't count.
 */
export type AcknowledgeType = 'accept' | 'release' | 'reject' | 'gap' | 'renew' | 'unseen'

/** Neighbouring offsets with the same number of deliveries. */
export interface DeliveryRange {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
}

/** Kafka's numbers. No range is stored as acquired, because a lock doesn't survive a restart. */
export const DELIVERY_STATES = { available: 0, acknowledged: 2, archived: 4 } as const
export type StoredDeliveryState = keyof typeof DELIVERY_STATES

/** Neighbouring offsets in the same state. */
export interface StateBatch extends DeliveryRange {
  readonly state: StoredDeliveryState
}

/** What a member asks for. */
export interface LockRequest {
  readonly memberId: string
  readonly maxOffsets: number
  readonly lockMs: number
  /** Milliseconds since 1970. */
  readonly now: number
  /** Whether the same answer gives the member records of another partition too. */
  readonly hasOthers?: boolean | undefined
}

/** Kafka's word (KIP-932): the state of an offset between `startOffset` and `endOffset`. */
interface InFlightState {
  state: StoredDeliveryState | 'acquired'
  deliveryCount: number
  /** The member that has the lock. */
  memberId: string
  /**
   * If acquired, when the lock ends; if available, when it may be delivered again at the earliest. Milliseconds since
   * 1970.
   */
  until: number
}

/** The stored field is an int16 and counts no further: any sensible `maxDeliveries` has rejected the record by then. */
const DELIVERIES_MAX = 0x7fff

/**
 * A record that was delivered so often without an acknowledgement may be what ends its consumers. From then on it is
 * delivered alone, so that records that were only locked beside it aren't counted with it.
 */
export const ALONE_FROM = 2

/**
 * Kafka's group.share.partition.max.record.locks: how far deliveries may run ahead of the first record that isn't
 * finished.
 */
export const WINDOW_OFFSETS = 2000

/**
 * What one share group has done with one partition. Everything below `startOffset` is finished, every offset from there
 * up to `endOffset` has its own state, and nothing above was ever delivered.
 */
export class SharePartition {
  /** By offset, in their order, without a hole from `startOffset` up to `endOffset`. */
  readonly #inFlight = new Map<number, InFlightState>()
  #startOffset: number
  #endOffset: number
  #acquiredCount = 0
  #hasMore = true
  /** May be too early, never too late. */
  #nextDeadline: number = Number.POSITIVE_INFINITY

  constructor(startOffset: number, batches: readonly StateBatch[] = []) {
    this.#startOffset = startOffset
    this.#endOffset = startOffset
    for (const { lastOffset, state, deliveryCount } of batches) {
      while (this.#endOffset <= lastOffset) this.#add({ state, deliveryCount, memberId: '', until: 0 })
    }
  }

  get startOffset(): number {
    return this.#startOffset
  }

  get nextDeadline(): number {
    return this.#nextDeadline
  }

  /**
   * Whether the last `acquire` may have left something that the next one gets, though nothing was added, acknowledged,
   * released or expired since.
   */
  get hasMore(): boolean {
    return this.#hasMore
  }

  /** Number of offsets that are locked. */
  get acquiredCount(): number {
    return this.#acquiredCount
  }

  /**
   * Number of offsets from `fromOffset` up to `endOffset` that nobody has accepted or rejected yet, locked ones
   * included.
   */
  unfinishedBetween(fromOffset: number, endOffset: number): number {
    let count = Math.max(0, endOffset - Math.max(this.#endOffset, fromOffset))
    for (const [offset, { state }] of this.#inFlight) {
      if (offset >= fromOffset && (state === 'acquired' || state === 'available')) count++
    }
    return count
  }

  #add(inFlight: InFlightState): void {
    this.#inFlight.set(this.#endOffset++, inFlight)
  }

  /**
   * Locks at most `maxOffsets` available offsets below `limitOffset` for the member: first those that were delivered
   * before, then new ones. Each delivery is counted. An offset that has to be delivered alone is locked alone, and not
   * at all if `hasOthers`.
   */
  acquire({ memberId, maxOffsets, lockMs, now, hasOthers = false }: LockRequest, limitOffset: number): DeliveryRange[] {
    const until = now + lockMs
    const offsets: number[] = []
    let areLeft = false
    this.#hasMore = true
    for (const [offset, { state, until: availableAt, deliveryCount }] of this.#inFlight) {
      if (offsets.length >= maxOffsets) return this.#lock(offsets, memberId, until)
      if (state !== 'available' || availableAt > now || offset >= limitOffset) continue
      if (deliveryCount < ALONE_FROM) offsets.push(offset)
      else if (offsets.length === 0 && !hasOthers) return this.#lock([offset], memberId, until)
      else areLeft = true
    }
    const end = Math.min(limitOffset, this.#startOffset + WINDOW_OFFSETS)
    while (offsets.length < maxOffsets && this.#endOffset < end) {
      offsets.push(this.#endOffset)
      this.#add({ state: 'available', deliveryCount: 0, memberId: '', until: 0 })
    }
    this.#hasMore = areLeft || this.#endOffset < end
    return this.#lock(offsets, memberId, until)
  }

  #lock(offsets: readonly number[], memberId: string, until: number): DeliveryRange[] {
    for (const offset of offsets) {
      const inFlight = this.#inFlight.get(offset) as InFlightState
      const deliveryCount = Math.min(DELIVERIES_MAX, inFlight.deliveryCount + 1)
      Object.assign(inFlight, { state: 'acquired', memberId, until, deliveryCount })
    }
    this.#acquiredCount += offsets.length
    if (offsets.length > 0) this.#nextDeadline = Math.min(this.#nextDeadline, until)
    return rangesOf(offsets, (offset) => this.#inFlight.get(offset)?.deliveryCount ?? 0)
  }

  /**
   * `availableAt`: when a released record may be delivered again, or when a renewed lock ends. Returns the first offset
   * that `memberId` has no lock of, or the lock of a later delivery; then nothing has changed. `gap` and `unseen` apply
   * to those offsets of the range that are still locked: records may have been deleted since, and nobody waits for an
   * answer.
   */
  acknowledge(
    memberId: string,
    { firstOffset, lastOffset, deliveryCount }: DeliveryRange,
    type: AcknowledgeType,
    availableAt: number,
  ): number | undefined {
    const isOfRest = type === 'gap' || type === 'unseen'
    const held: InFlightState[] = []
    const from = isOfRest ? Math.max(firstOffset, this.#startOffset) : firstOffset
    const to = isOfRest ? Math.min(lastOffset, this.#endOffset - 1) : lastOffset
    for (let offset = from; offset <= to; offset++) {
      const inFlight = this.#inFlight.get(offset)
      const isHeld = inFlight?.state === 'acquired' && inFlight.memberId === memberId
      if (isHeld && inFlight.deliveryCount === deliveryCount) held.push(inFlight)
      else if (!isOfRest) return offset
    }
    for (const inFlight of held) {
      if (type === 'accept') this.#goTo(inFlight, 'acknowledged')
      else if (type === 'reject' || type === 'gap') this.#goTo(inFlight, 'archived')
      else if (type === 'renew') inFlight.until = Math.max(inFlight.until, availableAt)
      else this.#makeAvailable(inFlight, availableAt)
      if (type === 'unseen') inFlight.deliveryCount--
    }
    this.#finish()
    return undefined
  }

  /** Ends the offset's lock, if it has one. */
  #goTo(inFlight: InFlightState, state: StoredDeliveryState): void {
    if (inFlight.state === 'acquired') this.#acquiredCount--
    inFlight.state = state
  }

  #makeAvailable(inFlight: InFlightState, availableAt: number): void {
    this.#goTo(inFlight, 'available')
    Object.assign(inFlight, { memberId: '', until: availableAt })
    if (availableAt > 0) this.#nextDeadline = Math.min(this.#nextDeadline, availableAt)
  }

  /** The member has left: its records may be delivered again. True if it had locked any. */
  releaseAll(memberId: string): boolean {
    let isChanged = false
    for (const inFlight of this.#inFlight.values()) {
      if (inFlight.state !== 'acquired' || inFlight.memberId !== memberId) continue
      this.#makeAvailable(inFlight, 0)
      isChanged = true
    }
    return isChanged
  }

  /** Ends locks and delays whose time is over. True if something is available now that wasn't. */
  expire(now: number): boolean {
    if (now < this.#nextDeadline) return false
    let isChanged = false
    this.#nextDeadline = Number.POSITIVE_INFINITY
    for (const inFlight of this.#inFlight.values()) {
      if (inFlight.until === 0 || (inFlight.state !== 'acquired' && inFlight.state !== 'available')) continue
      if (inFlight.until > now) {
        this.#nextDeadline = Math.min(this.#nextDeadline, inFlight.until)
        continue
      }
      this.#makeAvailable(inFlight, 0)
      isChanged = true
    }
    return isChanged
  }

  clockMoved(byMs: number): void {
    this.#nextDeadline += byMs
    for (const inFlight of this.#inFlight.values()) if (inFlight.until > 0) inFlight.until += byMs
  }

  /** The log start moved here: records below are gone, so they count as finished. */
  moveStart(logStartOffset: number): void {
    for (let offset = this.#startOffset; offset < Math.min(logStartOffset, this.#endOffset); offset++) {
      const inFlight = this.#inFlight.get(offset)
      if (inFlight !== undefined) this.#goTo(inFlight, 'archived')
      this.#inFlight.delete(offset)
    }
    this.#startOffset = Math.max(this.#startOffset, logStartOffset)
    this.#endOffset = Math.max(this.#endOffset, this.#startOffset)
    this.#finish()
  }

  #finish(): void {
    for (const [offset, { state }] of this.#inFlight) {
      if (state !== 'acknowledged' && state !== 'archived') return
      this.#inFlight.delete(offset)
      this.#startOffset = offset + 1
    }
  }

  /** The states to store. Locked offsets count as available, because a restart ends every lock. */
  stateBatches(): StateBatch[] {
    const batches: { firstOffset: number; lastOffset: number; deliveryCount: number; state: StoredDeliveryState }[] = []
    for (const [offset, inFlight] of this.#inFlight) {
      const { deliveryCount } = inFlight
      const state = inFlight.state === 'acquired' ? 'available' : inFlight.state
      const last = batches.at(-1)
      if (last?.state === state && last.deliveryCount === deliveryCount) last.lastOffset = offset
      else batches.push({ firstOffset: offset, lastOffset: offset, deliveryCount, state })
    }
    return batches
  }
}

function rangesOf(offsets: readonly number[], deliveryCountOf: (offset: number) => number): DeliveryRange[] {
  const ranges: { firstOffset: number; lastOffset: number; deliveryCount: number }[] = []
  for (const offset of offsets) {
    const deliveryCount = deliveryCountOf(offset)
    const last = ranges.at(-1)
    if (last?.lastOffset === offset - 1 && last.deliveryCount === deliveryCount) last.lastOffset = offset
    else ranges.push({ firstOffset: offset, lastOffset: offset, deliveryCount })
  }
  return ranges
}
