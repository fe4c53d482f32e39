/** Where a holder takes the connections of processes that attach. */
export interface Listener {
  /** Whether it keeps the process alive; at first it doesn't. */
  keepAlive(isWanted: boolean): void
  close(): void
}
