import type { MessagePieces } from './message-pieces.ts'

/**
 * Carries messages between a process that holds a log and one that is attached to it: whole, in order, each once, until it
 * ends. What was on its way then may or may not have arrived.
 */
export interface Channel {
  /** Sends one message. The channel keeps its bytes, so the caller must not write into them again. Does nothing after the end. */
  send(message: MessagePieces): void
  /** Called once, before anything can arrive. `onEnd` is called once, whoever ended the channel. */
  start(onMessage: (message: Uint8Array<ArrayBuffer>) => void, onEnd: () => void): void
  /** Whether the channel keeps the process at this end alive. At first it doesn't. */
  keepAlive(isWanted: boolean): void
  end(): void
}
