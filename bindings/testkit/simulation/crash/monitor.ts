import type { FrameClaim, WriteOrderObserver, WrittenCheckpoint } from '../../../storage/write-order.ts'
import type { OperationKind } from '../operation-kind.ts'
import type { WriteRange } from '../virtual-disk.ts'
import type { VirtualStorage } from '../virtual-rows.ts'
import type { Loss } from './model-state.ts'

interface Frame {
  readonly sequence: number
  readonly claims: readonly FrameClaim[]
  readonly file: string
  readonly position: number
  readonly lengthBytes: number
  isDurable: boolean
  isReleased: boolean
}

/** Everything that an order rule is about. The clients' side tells acknowledged, shown, producerIdHandedOut, opened. */
export type WriteOrderEvent =
  | { readonly kind: 'write'; readonly file: string; readonly range: WriteRange }
  | { readonly kind: 'framePlaced'; readonly frame: Frame }
  | { readonly kind: 'frameDurable'; readonly sequence: number }
  | { readonly kind: 'decisionPlaced'; readonly sequence: number }
  | {
      readonly kind: 'checkpointPlaced'
      readonly noted: readonly { readonly file: string; readonly sizeBytes: number }[]
    }
  | { readonly kind: 'acknowledged'; readonly topicId: string; readonly partition: number; readonly nextOffset: number }
  | { readonly kind: 'shown'; readonly topicId: string; readonly partition: number; readonly endOffset: number }
  | { readonly kind: 'producerIdHandedOut'; readonly id: number }

interface Order {
  /** The rule's number in docs/durability.md. */
  readonly rule: number
  readonly name: string
  readonly on: WriteOrderEvent['kind']
  readonly mustHold: string
  holds(state: MonitorState, event: never): boolean
  /** Whether the rule says anything about the event; others aren't counted as checked. */
  readonly isAsked: (event: never) => boolean
}

type EventOf<K extends WriteOrderEvent['kind']> = Extract<WriteOrderEvent, { kind: K }>

function order<K extends WriteOrderEvent['kind']>(
  rule: number,
  name: string,
  on: K,
  mustHold: string,
  holds: (state: MonitorState, event: EventOf<K>) => boolean,
  isAsked: (event: EventOf<K>) => boolean = () => true,
): Order {
  return { rule, name, on, mustHold, holds, isAsked }
}

/** The write-order table: what must be durable before what. Durable is what the disk says, not what the log says. */
export const WRITE_ORDER: readonly Order[] = [
  order(1, 'frame-after-frame', 'framePlaced', 'the frame before is durable', (state, { frame }) =>
    state.frames.every((other) => other === frame || state.isOnDisk(other) || other.isReleased),
  ),
  order(1, 'frame-reuse', 'framePlaced', 'a durable checkpoint covers what lies there', (state, { frame }) =>
    state.frames.every((other) => other === frame || other.isReleased || !overlap(other, frame)),
  ),
  order(1, 'frame-sectors', 'write', 'no sector of an acknowledged frame is touched', (state, { file, range }) =>
    state.frames.every((frame) => !frame.isDurable || frame.isReleased || !overlap(frame, { file, ...range })),
  ),
  order(1, 'frame-flushed', 'frameDurable', 'its bytes and its file’s entry are durable', (state, { sequence }) => {
    const frame = state.frames.find((each) => each.sequence === sequence)
    return frame !== undefined && state.isOnDisk(frame)
  }),
  order(
    2,
    'extent-before-frame',
    'framePlaced',
    'the bytes of its extents are durable',
    (state, { frame }) =>
      extentsOf(frame).every(({ file, position, lengthBytes }) => state.storage.isDurable(file, position, lengthBytes)),
    ({ frame }) => extentsOf(frame).length > 0,
  ),
  order(2, 'acknowledged-after-frame', 'acknowledged', 'a durable frame or checkpoint covers it', (state, event) =>
    state.covers(event, event.nextOffset),
  ),
  order(3, 'decision-after-frame', 'decisionPlaced', 'its frame is durable', (state, { sequence }) =>
    state.frames.some((frame) => frame.sequence === sequence && state.isOnDisk(frame)),
  ),
  order(
    4,
    'checkpoint-after-sync',
    'checkpointPlaced',
    'all that it notes is durable, entries too',
    (state, { noted }) => noted.every(({ file, sizeBytes }) => state.storage.isDurable(file, 0, sizeBytes)),
  ),
  order(
    5,
    'shown-below-ceiling',
    'shown',
    'what was shown is durable or below a durable ceiling',
    (state, event) => state.covers(event, event.endOffset) || state.ceilingOf(event) >= event.endOffset,
  ),
  order(
    8,
    'producer-id-reserved',
    'producerIdHandedOut',
    'a durable frame reserved it',
    (state, { id }) => id < state.producerIdsEnd,
  ),
]

function extentsOf({ claims }: Frame) {
  return claims.flatMap((claim) => (claim.kind === 'partition' && claim.extent !== undefined ? [claim.extent] : []))
}

interface Place {
  readonly topicId: string
  readonly partition: number
}

export class MonitorState {
  readonly storage: VirtualStorage
  frames: Frame[] = []
  producerIdsEnd = 0
  readonly #ends = new Map<string, number>()
  readonly #ceilings = new Map<string, number>()

  constructor(storage: VirtualStorage) {
    this.storage = storage
  }

  isOnDisk(frame: Frame): boolean {
    return this.storage.isDurable(frame.file, frame.position, frame.lengthBytes)
  }

  covers(place: Place, nextOffset: number): boolean {
    return (this.#ends.get(keyOf(place)) ?? 0) >= nextOffset
  }

  ceilingOf(place: Place): number {
    return this.#ceilings.get(keyOf(place)) ?? 0
  }

  apply(claim: FrameClaim): void {
    if (claim.kind === 'producerIds') this.producerIdsEnd = Math.max(this.producerIdsEnd, claim.end)
    else if (claim.kind === 'ceiling') this.#raise(this.#ceilings, claim, claim.ceiling)
    else this.#raise(this.#ends, claim, claim.nextOffset)
  }

  #raise(map: Map<string, number>, place: Place, to: number): void {
    map.set(keyOf(place), Math.max(map.get(keyOf(place)) ?? 0, to))
  }
}

/** One opening of a log, watched. Each violation names rule and event; `checked` counts, so that silence can't pass. */
export class Monitor implements WriteOrderObserver {
  readonly violations: string[] = []
  readonly checked: Map<string, number> = new Map<string, number>()
  readonly #state: MonitorState
  #claims = new Map<number, FrameClaim[]>()
  #operation = 0

  constructor(storage: VirtualStorage) {
    this.#state = new MonitorState(storage)
  }

  /** Called by the disk's watch, before the operation. */
  operation(number: number, kind: OperationKind, path: string, range?: WriteRange): void {
    this.#operation = number
    if (kind === 'write' && range !== undefined) this.#check({ kind: 'write', file: path, range })
  }

  frameCovers(sequence: number, claim: FrameClaim): void {
    const claims = this.#claims.get(sequence) ?? []
    claims.push(claim)
    this.#claims.set(sequence, claims)
  }

  framePlaced(sequence: number, file: string, position: number, lengthBytes: number): void {
    const claims = this.#claims.get(sequence) ?? []
    const frame: Frame = { sequence, claims, file, position, lengthBytes, isDurable: false, isReleased: false }
    this.#check({ kind: 'framePlaced', frame })
    this.#claims.delete(sequence)
    this.#state.frames = this.#state.frames.filter((other) => !other.isReleased)
    this.#state.frames.push(frame)
  }

  frameDurable(sequence: number): void {
    this.#check({ kind: 'frameDurable', sequence })
    const frame = this.#state.frames.find((each) => each.sequence === sequence)
    if (frame === undefined || !this.#state.isOnDisk(frame)) return
    frame.isDurable = true
    for (const claim of frame.claims) this.#state.apply(claim)
  }

  decisionPlaced(sequence: number, _file: string, _position: number): void {
    this.#check({ kind: 'decisionPlaced', sequence })
  }

  checkpointPlaced(
    _coveredSequence: number,
    noted: readonly { readonly file: string; readonly sizeBytes: number }[],
  ): void {
    this.#check({ kind: 'checkpointPlaced', noted })
  }

  checkpointDurable(coveredSequence: number, { file, sizeBytes, ends }: WrittenCheckpoint): void {
    for (const frame of this.#state.frames) if (frame.sequence <= coveredSequence) frame.isReleased = true
    if (!this.#state.storage.isDurable(file, 0, sizeBytes)) return
    for (const end of ends) this.#state.apply({ kind: 'partition', ...end })
  }

  /** Recovery has made durable whatever it serves, before the first acknowledgement (rule 6e). */
  opened(place: Place, endOffset: number): void {
    this.#state.apply({ kind: 'partition', ...place, nextOffset: endOffset })
  }

  acknowledged(place: Place, nextOffset: number, loss: Loss): void {
    if (loss === 'power') this.#check({ kind: 'acknowledged', ...place, nextOffset })
  }

  shown(place: Place, endOffset: number): void {
    this.#check({ kind: 'shown', ...place, endOffset })
  }

  producerIdHandedOut(id: number): void {
    this.#check({ kind: 'producerIdHandedOut', id })
  }

  #check(event: WriteOrderEvent): void {
    for (const { rule, name, on, mustHold, holds, isAsked } of WRITE_ORDER) {
      if (on !== event.kind || !isAsked(event as never)) continue
      this.checked.set(name, (this.checked.get(name) ?? 0) + 1)
      if (holds(this.#state, event as never)) continue
      this.violations.push(`rule ${rule} (${name}), after operation ${this.#operation}: ${on}, and not: ${mustHold}`)
    }
  }
}

function keyOf({ topicId, partition }: Place): string {
  return `${topicId}/${partition}`
}

const SECTOR_BYTES = 512

function overlap(
  frame: Frame,
  other: { readonly file: string; readonly position: number; readonly lengthBytes: number },
): boolean {
  const sectorOf = (position: number): number => Math.floor(position / SECTOR_BYTES)
  return (
    frame.file === other.file &&
    sectorOf(frame.position) <= sectorOf(other.position + other.lengthBytes - 1) &&
    sectorOf(other.position) <= sectorOf(frame.position + frame.lengthBytes - 1)
  )
}
