import type { Random } from '../random.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A process, as far as a network knows it. */
export interface Party {
  readonly isAlive: boolean
}

/** How long messages take, and how often one is delayed or comes twice. */
export interface Weather {
  /** Most messages take at most this long. */
  readonly delayMsMax: number
  /** The chance that a message takes up to `stallMsMax`, and with it all that follow in its direction. */
  readonly stallChance: number
  readonly stallMsMax: number
  /** A call whose repetition does no harm arrives a second time, later. */
  readonly duplicateChance: number
}

export const CALM: Weather = { delayMsMax: 0.5, stallChance: 0, stallMsMax: 0, duplicateChance: 0 }

/** What all connections of a network share. */
export interface Conditions {
  readonly weather: Weather
  /** How often each thing happened: a run in which nothing did proves nothing. */
  readonly counts: Record<'delivered' | 'joined' | 'lost' | 'duplicated' | 'overtaken' | 'cut', number>
  readonly time: VirtualTime
  readonly random: Random
  /** How long the next message takes. */
  delayMs(): number
  /** Whether the next message comes in one turn with the one that is on its way before it. */
  isJoined(): boolean
}
