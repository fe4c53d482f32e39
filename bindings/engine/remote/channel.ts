/**
 * Carries messages between a process that holds a log and one that is attached to it: whole, in order, each once, until it
 * ends. What was on its way then may or may not have arrived.
 */
export interface Channel {
  /** The channel keeps the bytes: the caller writes no more into them. After the end it does nothing. */
  send(message: Uint8Array): void
  /** Called once, before anything can arrive. `onEnd` comes once, whoever ended it. */
  start(onMessage: (message: Uint8Array<ArrayBuffer>) => void, onEnd: () => void): void
  /** Whether it keeps the process of this end alive; it doesn't at first. */
  keepAlive(isWanted: boolean): void
  end(): void
}
