import type { Channel, OnMessage } from './channel.ts'
import { joinPieces, type MessagePieces } from './message-pieces.ts'

/**
 * Both ends of a channel within one process: for a process that becomes the holder of the log that it was attached to.
 * `keepAlive`: called for that of the first end.
 */
export function loopback(keepAlive: Channel['keepAlive'] = () => {}): readonly [Channel, Channel] {
  const ends = [new End(keepAlive), new End(() => {})] as const
  ends[0].other = ends[1]
  ends[1].other = ends[0]
  return ends
}

class End implements Channel {
  readonly keepAlive: Channel['keepAlive']
  other: End | undefined
  #onMessage: OnMessage = () => {}
  #onEnd: () => void = () => {}

  constructor(keepAlive: Channel['keepAlive']) {
    this.keepAlive = keepAlive
  }

  send(message: MessagePieces): void {
    const { other } = this
    if (other !== undefined) other.#onMessage(joinPieces(message), () => {})
  }

  start(onMessage: OnMessage, onEnd: () => void): void {
    this.#onMessage = onMessage
    this.#onEnd = onEnd
  }

  end(): void {
    const { other } = this
    if (other === undefined) return
    this.other = undefined
    other.other = undefined
    this.#onEnd()
    other.#onEnd()
  }
}
