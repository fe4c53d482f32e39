/** How long a part goes on: whichever comes first. */
export interface Limits {
  /** As `performance.now()` counts. */
  readonly endMs: number
  readonly cyclesMax: number
  readonly seed: number
  /** Only there, of parts that go through places: as their failures print it. */
  readonly at?: string | undefined
  /** Told of each cycle. */
  progress(done: number, of: string): void
}
