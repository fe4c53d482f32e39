import type { Channel } from '../../../engine/remote/channel.ts'
import type { Random } from '../random.ts'
import { Connection } from './connection.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A process, as far as a network knows it. */
export interface Party {
  readonly isAlive: boolean
}

/** How bad it is. */
export interface Weather {
  /** Most messages take up to so long. */
  readonly delayMsMax: number
  /** Some take far longer, and all behind them in their direction. */
  readonly stallChance: number
  readonly stallMsMax: number
  /** A call whose repetition does no harm arrives a second time, later. */
  readonly duplicateChance: number
}

export const CALM: Weather = { delayMsMax: 0.5, stallChance: 0, stallMsMax: 0, duplicateChance: 0 }

/**
 * Connections between processes, as bad as a channel's promise allows (engine/remote/channel.ts): within one connection
 * and direction messages keep their order and none is missing, until it ends. So what can be lost is the rest of a
 * direction, the answers of what was done included; what can be reordered are messages of different connections, those of
 * one process that connected anew included: what it sent before may arrive after what it sent again.
 */
export class Network {
  weather: Weather = CALM
  /** How often each thing happened: a run in which nothing did proves nothing. */
  readonly counts: { delivered: number; lost: number; duplicated: number; overtaken: number; cut: number } = {
    delivered: 0,
    lost: 0,
    duplicated: 0,
    overtaken: 0,
    cut: 0,
  }
  readonly time: VirtualTime
  readonly random: Random
  readonly #connections: Set<Connection> = new Set()

  constructor(time: VirtualTime, random: Random) {
    this.time = time
    this.random = random
  }

  /** The client's end and the server's. */
  connect(client: Party, server: Party): readonly [Channel, Channel] {
    const connection: Connection = new Connection(this, client, server, () => this.#connections.delete(connection))
    this.#connections.add(connection)
    return connection.ends
  }

  /** Ends one of the connections that stand, in the middle of whatever is on its way. */
  cutOne(): void {
    const standing = [...this.#connections]
    const chosen = standing[this.random.below(standing.length)]
    if (chosen === undefined) return
    this.counts.cut++
    chosen.cut()
  }

  /** All connections of a process that is gone. */
  cutOff(party: Party): void {
    for (const connection of [...this.#connections]) if (connection.isOf(party)) connection.cut()
  }

  delayMs(): number {
    const { delayMsMax, stallChance, stallMsMax } = this.weather
    const { random } = this
    return random.unit() * (random.chance(stallChance) ? stallMsMax : delayMsMax)
  }
}
