import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import type { LogError } from '../../model/errors.ts'
import { BATCH_BYTES_MAX } from '../../model/limits.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { type BatchHead, mayFollow, newHead, readHead, viewOf } from './batch-head.ts'
import { HeaderScan } from './header-scan.ts'
import type { SegmentContext } from './segment-context.ts'
import { damagedSegment } from './segment-damage.ts'
import type { SegmentIndexes } from './segment-indexes.ts'

/** The epoch is unknown before the first batch. */
const ANY_EPOCH: number = Number.NEGATIVE_INFINITY

/** A place between two batches, and what may follow there. */
interface Place {
  readonly position: number
  readonly offset: number
  readonly leaderEpoch: number
}

/** What reads need of a segment. */
interface ReadSegment {
  readonly logPath: string
  readonly baseOffset: number
  readonly nextOffset: number
  readonly sizeBytes: number
  readonly isCleaned: boolean
}

/**
 * Finds the way from an offset to whole batches: by the index, then from header to header. Each step is checked,
 * because an index may be damaged and no batch's CRC covers its offset.
 */
export class SegmentReads {
  readonly #context: SegmentContext
  readonly #segment: ReadSegment
  readonly #indexes: SegmentIndexes
  /** Where the last read ended: the next one mostly begins there. */
  #readEnd: Place = { position: 0, offset: -1, leaderEpoch: ANY_EPOCH }
  /**
   * The batch that was looked for last, as its header said: a second look at the file may find its offset with a
   * flipped bit.
   */
  readonly #lookedFor = { position: -1, offset: -1, sizeBytes: 0 }

  constructor(context: SegmentContext, segment: ReadSegment, indexes: SegmentIndexes) {
    this.#context = context
    this.#segment = segment
    this.#indexes = indexes
  }

  /**
   * The position of the batch that holds `offset`, or of the next one after a gap; the segment's size if there is none.
   * Bytes that are no batch have a position too: the reader's check then names the fault. CORRUPT_MESSAGE where a batch
   * can't follow the one before it.
   */
  positionOf(file: StoreFile, offset: number): number {
    const { scratch } = this.#context
    const { sizeBytes } = this.#segment
    if (offset === this.#readEnd.offset) {
      return this.#scan(new HeaderScan(scratch, file, sizeBytes, BATCH_HEADER_BYTES), this.#readEnd, offset)
    }
    const headers = new HeaderScan(scratch, file, sizeBytes)
    const hint = this.#indexes.lookup(offset)
    const entry = hint > 0 ? headers.at(hint) : undefined
    if (entry !== undefined && this.#indexes.leadsTo(hint, entry.nextOffset - 1)) {
      return this.#scan(headers, { position: hint, offset: entry.baseOffset, leaderEpoch: ANY_EPOCH }, offset)
    }
    // The index entry contradicts what it leads to.
    if (hint > 0) this.#indexes.distrust()
    return this.#scan(headers, { position: 0, offset: this.#segment.baseOffset, leaderEpoch: ANY_EPOCH }, offset)
  }

  #scan(headers: HeaderScan, from: Place, offset: number): number {
    let { position, offset: expectedOffset, leaderEpoch } = from
    while (position < this.#segment.sizeBytes) {
      const head = headers.at(position)
      if (head === undefined) return position
      this.#assertFollows(position, head, expectedOffset, leaderEpoch)
      const { baseOffset, nextOffset, sizeBytes } = head
      leaderEpoch = head.leaderEpoch
      if (nextOffset > offset) {
        this.#lookedFor.position = position
        this.#lookedFor.offset = baseOffset
        this.#lookedFor.sizeBytes = sizeBytes
        if (position === 0 && baseOffset !== this.#segment.baseOffset) {
          this.#assertBegins(nextOffset, leaderEpoch, headers.at(sizeBytes))
        }
        return position
      }
      expectedOffset = nextOffset
      position += sizeBytes
    }
    return position
  }

  #assertFollows(position: number, head: Readonly<BatchHead>, expectedOffset: number, epochBefore: number): void {
    const ends = this.#endsWithSegment(position + head.sizeBytes, head.nextOffset)
    if (!ends || !mayFollow(head, expectedOffset, epochBefore, this.#segment.isCleaned))
      throw this.#jump(position, expectedOffset)
  }

  /** Its last batch, and no other, has the segment's last offset. */
  #endsWithSegment(end: number, nextOffset: number): boolean {
    return end >= this.#segment.sizeBytes
      ? nextOffset === this.#segment.nextOffset
      : nextOffset < this.#segment.nextOffset
  }

  /**
   * Nothing before the first batch says at which offset it begins. If that isn't the segment's own, the second batch
   * must agree with it.
   */
  #assertBegins(nextOffset: number, leaderEpoch: number, second: Readonly<BatchHead> | undefined): void {
    if (second !== undefined && !mayFollow(second, nextOffset, leaderEpoch, this.#segment.isCleaned))
      throw this.#jump(0, this.#segment.baseOffset)
  }

  #assertFound(position: number, baseOffset: number): void {
    const found = this.#lookedFor
    if (position === found.position && baseOffset !== found.offset) throw this.#jump(position, found.offset)
  }

  #jump(position: number, expectedOffset: number): LogError<'CORRUPT_MESSAGE'> {
    const message = `${this.#segment.logPath} is damaged at ${position}: the batch there can't follow offset ${expectedOffset}`
    return damagedSegment(this.#segment.logPath, { position, offset: expectedOffset, fault: 'out-of-order' }, message)
  }

  /**
   * Reads whole batches from `position` on, where the one with `asked` begins, as many as `into` holds. Returns their
   * bytes; if the first one doesn't fit, minus its size.
   */
  whole(file: StoreFile, position: number, into: Uint8Array, asked: number): number {
    const wanted = Math.min(into.length, this.#segment.sizeBytes - position)
    // A batch that doesn't fit isn't read for nothing.
    if (position === this.#lookedFor.position && this.#lookedFor.sizeBytes > into.length)
      return -this.#lookedFor.sizeBytes
    const count = wanted < into.length ? file.read(into.subarray(0, wanted), position) : file.read(into, position)
    const view = viewOf(into)
    const head = newHead()
    let whole = 0
    let leaderEpoch = ANY_EPOCH
    let offset = -1
    while (whole + BATCH_HEADER_BYTES <= count && readHead(view, whole, head) && whole + head.sizeBytes <= count) {
      if (whole === 0) this.#assertFound(position, head.baseOffset)
      else if (!mayFollow(head, offset, leaderEpoch, this.#segment.isCleaned)) break
      if (!this.#endsWithSegment(position + whole + head.sizeBytes, head.nextOffset)) {
        // Batches of another log that take fewer bytes or more: the next segment would follow as if nothing of this one
        // were missing.
        if (whole > 0) break
        throw this.#jump(position, asked)
      }
      whole += head.sizeBytes
      leaderEpoch = head.leaderEpoch
      offset = head.nextOffset
    }
    if (whole > 0) {
      this.#readEnd = { position: position + whole, offset, leaderEpoch }
      return whole
    }
    if (position >= this.#segment.sizeBytes) return 0
    if (into.length < BATCH_HEADER_BYTES) return -BATCH_HEADER_BYTES
    if (count < wanted) throw this.#tooShort(position + count, asked)
    // Bytes that are no batch are handed over as they are: the reader's check names the fault.
    const sizeMax = Math.min(this.#segment.sizeBytes - position, BATCH_BYTES_MAX)
    return readHead(view, 0, head) && head.sizeBytes <= sizeMax ? -head.sizeBytes : count
  }

  #tooShort(end: number, offset: number): LogError<'CORRUPT_MESSAGE'> {
    const message = `${this.#segment.logPath} ends at ${end}, ${this.#segment.sizeBytes} bytes were placed in it`
    return damagedSegment(this.#segment.logPath, { position: end, offset, fault: 'incomplete' }, message)
  }
}
