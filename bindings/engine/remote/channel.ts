import type { MessagePieces } from './message-pieces.ts'
import type { OutgoingMemory } from './outgoing-memory.ts'

/**
 * Takes a message. `release`, where it is called, returns the message's memory to the channel: nobody may read the
 * message after that, nor a view of it.
 */
export type OnMessage = (message: Uint8Array<ArrayBuffer>, release: () => void) => void

/**
 * Carries messages between a process that holds a log and one that is attached to it: whole, in order, each once, until
 * it ends. What was under way then may or may not have arrived.
 */
export interface Channel {
  /** Memory for large messages, free again once they are sent; none where the other end gets their very bytes. */
  readonly outgoing?: OutgoingMemory | undefined
  /**
   * Sends one message. The channel keeps its bytes, so the caller must not write into them again before the channel
   * calls `sent`, if ever it does. Does nothing after the end.
   */
  send(message: MessagePieces, sent?: () => void): void
  /** Called once, before anything can arrive. `onEnd` is called once, whoever ended the channel. */
  start(onMessage: OnMessage, onEnd: () => void): void
  /** Whether the channel keeps the process at this end alive. At first it doesn't. */
  keepAlive(isWanted: boolean): void
  end(): void
}
