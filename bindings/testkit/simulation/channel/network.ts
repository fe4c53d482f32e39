import type { Channel } from '../../../engine/remote/channel.ts'
import type { Random } from '../random.ts'
import { CALM, type Conditions, type Party, type Weather } from './conditions.ts'
import { Connection } from './connection.ts'
import type { VirtualTime } from './virtual-time.ts'

/**
 * Connections between processes, as bad as a channel's contract allows (engine/remote/channel.ts): within one
 * connection and direction messages keep their order and none is missing, until it ends. So what can be lost is the
 * rest of a direction, the answers to calls that were done included; and what can be reordered are messages of
 * different connections, such as those of one process that connected anew: what it sent before may arrive after what it
 * sent again.
 */
export class Network implements Conditions {
  weather: Weather = CALM
  readonly counts: Conditions['counts'] = {
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
