import type { Channel, OnMessage } from '../../../engine/remote/channel.ts'
import { REPEATABLE } from '../../../engine/remote/lost-calls.ts'
import { joinPieces, type MessagePieces } from '../../../engine/remote/message-pieces.ts'
import { MessageReader } from '../../../engine/remote/message-reader.ts'
import { OutgoingMemory } from '../../../engine/remote/outgoing-memory.ts'
import type { Conditions, Party } from './conditions.ts'

const RELEASED = 0xa5

/** After a cut each end hears of it within this time; what would arrive there later is lost. */
const LAST_WORDS_MS = 20

/**
 * Both ends of a connection. What one end sends arrives at the other later, as long as both are open; how much later,
 * the network's weather says.
 */
export class Connection {
  readonly ends: readonly [client: End, server: End]
  readonly network: Conditions
  isCut = false
  readonly #ended: () => void

  constructor(network: Conditions, client: Party, server: Party, ended: () => void) {
    this.network = network
    this.#ended = ended
    this.ends = [new End(this, client, 'client'), new End(this, server, 'server')]
  }

  isOf(party: Party): boolean {
    return this.ends.some((end) => end.party === party)
  }

  other(end: End): End {
    return this.ends[0] === end ? this.ends[1] : this.ends[0]
  }

  /** Each end still receives what arrives within a time drawn for it, and then hears that the connection has ended. */
  cut(): void {
    if (this.isCut) return
    this.isCut = true
    this.#ended()
    for (const end of this.ends) end.endAfter(this.network.random.unit() * LAST_WORDS_MS)
  }
}

class End implements Channel {
  readonly outgoing: OutgoingMemory = new OutgoingMemory()
  readonly party: Party
  readonly #connection: Connection
  readonly #isServer: boolean
  #onMessage: OnMessage | undefined
  #onEnd: () => void = () => {}
  #early: Uint8Array<ArrayBuffer>[] = []
  /** No message may pass the one before it. */
  #lastArrival = 0
  /** What comes then, in one turn. */
  #arriving: Uint8Array<ArrayBuffer>[] = []
  #isOver = false

  constructor(connection: Connection, party: Party, side: 'client' | 'server') {
    this.#connection = connection
    this.party = party
    this.#isServer = side === 'server'
  }

  send(message: MessagePieces, sent?: () => void): void {
    if (this.#isOver || !this.party.isAlive) return
    if (this.#connection.isCut) {
      this.#connection.network.counts.lost++
      return
    }
    this.#connection.other(this).#take(joinPieces(message).slice())
    if (sent === undefined) return
    for (const piece of message) piece.fill(RELEASED)
    sent()
  }

  start(onMessage: OnMessage, onEnd: () => void): void {
    this.#onMessage = onMessage
    this.#onEnd = onEnd
    for (const message of this.#early.splice(0)) this.#hand(message)
    if (this.#isOver) onEnd()
  }

  end(): void {
    this.#connection.cut()
    this.endAfter(0)
  }

  /** No process of a simulation ends by itself. */
  keepAlive(): void {}

  endAfter(delayMs: number): void {
    this.#connection.network.time.after(delayMs, () => {
      if (this.#isOver) return
      this.#isOver = true
      if (this.party.isAlive) this.#onEnd()
    })
  }

  #take(message: Uint8Array<ArrayBuffer>): void {
    const { network } = this.#connection
    const { time, random, weather } = network
    if (this.#arriving.length === 0 || !network.isJoined()) this.#plan()
    else network.counts.joined++
    this.#arriving.push(message)
    const delayMs = this.#lastArrival - time.now
    if (!this.#isServer || !random.chance(weather.duplicateChance) || !isRepeatable(message)) return
    network.counts.duplicated++
    const copy = message.slice()
    time.after(delayMs + network.delayMs(), () => this.#hand(copy))
  }

  /** When the next messages come. */
  #plan(): void {
    const { network } = this.#connection
    const { time } = network
    this.#lastArrival = Math.max(this.#lastArrival, time.now + network.delayMs())
    const arriving: Uint8Array<ArrayBuffer>[] = []
    this.#arriving = arriving
    time.after(this.#lastArrival - time.now, () => {
      for (const message of arriving.splice(0)) this.#hand(message)
    })
  }

  #hand(message: Uint8Array<ArrayBuffer>): void {
    const { network } = this.#connection
    if (this.#isOver || !this.party.isAlive) network.counts.lost++
    else if (this.#onMessage === undefined) this.#early.push(message)
    else {
      network.counts.delivered++
      network.time.trace.add(message.length)
      if (this.#isServer && this.#connection.isCut) network.counts.overtaken++
      // Overwritten when it is given back, so that a later read of it fails.
      this.#onMessage(message, () => message.fill(RELEASED))
    }
  }
}

/** A request holds its call's number, then the call's name. */
function isRepeatable(message: Uint8Array<ArrayBuffer>): boolean {
  const reader = new MessageReader(message)
  reader.int32()
  return REPEATABLE.has(reader.text())
}
