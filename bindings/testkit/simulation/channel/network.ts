import type { Channel } from '../../../engine/remote/channel.ts'
import type { Random } from '../random.ts'
import { CALM, type Conditions, type Party, type Weather } from './conditions.ts'
import { Connection } from './connection.ts'
import type { VirtualTime } from './virtual-time.ts'

/**
 * How often a message comes in one turn with the one before it. One of them for all of a run: there are faults that show
 * only where each message has a turn of its own, and others that show only where nothing comes between two.
 */
const JOIN_CHANCES = [0, 0.3, 0.9, 0.9] as const

/**
 * Connections between processes, as bad as a channel's contract allows (engine/remote/channel.ts): within one
 * connection and direction messages keep their order and none is missing, until it ends. So what can be lost is the
 * rest of a direction, the answers to calls that were done included; and what can be reordered are messages of
 * different connections, such as those of one process that connected anew: what it sent before may arrive after what it
 * sent again. A read of a socket brings whatever has come, and so do messages that are sent in one turn: they are handed
 * over one after the other, and no turn lies between them.
 */
export class Network implements Conditions {
  weather: Weather = CALM
  readonly counts: Conditions['counts'] = {
    delivered: 0,
    joined: 0,
    lost: 0,
    duplicated: 0,
    overtaken: 0,
    cut: 0,
  }
  readonly time: VirtualTime
  readonly random: Random
  readonly #joining: Random
  readonly #joinChance: number
  readonly #connections: Set<Connection> = new Set()

  /** `joining`: by which messages come in one turn, and by nothing else. */
  constructor(time: VirtualTime, random: Random, joining: Random) {
    this.time = time
    this.random = random
    this.#joining = joining
    this.#joinChance = JOIN_CHANCES[joining.below(JOIN_CHANCES.length)] ?? 0
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

  isJoined(): boolean {
    return this.#joining.chance(this.#joinChance)
  }
}
