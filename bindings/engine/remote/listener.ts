/** Of a holder: takes in who attaches. */
export interface Listener {
  /** Whether it keeps the process alive; it doesn't at first. */
  keepAlive(isWanted: boolean): void
  close(): void
}
