import type { RuntimePort } from '../../../broker/runtime-port.ts'
import type { Random, TraceHash } from '../random.ts'

interface Event {
  readonly at: number
  readonly run: () => void
}

const BEGIN = 1_700_000_000_000

/** One clock for all processes of a simulation: what is due first happens first, and nothing happens in between. */
export class VirtualTime {
  /** Everything that happened and when. */
  readonly trace: TraceHash
  #now = BEGIN
  #aheadMs = 0
  #latestWall = BEGIN
  /** In the order in which they happen; those of one instant in the order in which they were planned. */
  readonly #events: Event[] = []

  constructor(trace: TraceHash) {
    this.trace = trace
  }

  /** Milliseconds that no change of the wall clock moves. */
  get now(): number {
    return this.#now
  }

  /** The wall clock of every process: milliseconds since 1970, with fractions. */
  get wall(): number {
    return this.#now + this.#aheadMs
  }

  /** The latest that it ever was. */
  get latestWall(): number {
    return Math.max(this.#latestWall, this.wall)
  }

  /** Somebody sets the clock of all processes: no time passes. */
  setWall(byMs: number): void {
    this.#latestWall = this.latestWall
    this.#aheadMs += byMs
  }

  /** Milliseconds since the simulation began. */
  get elapsedMs(): number {
    return this.#now - BEGIN
  }

  /** Calls `run` after that delay. Returns a function that cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const event = { at: this.#now + Math.max(0, delayMs), run }
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#events[middle] as Event).at <= event.at) low = middle + 1
      else high = middle
    }
    this.#events.splice(low, 0, event)
    return () => {
      const index = this.#events.indexOf(event)
      if (index >= 0) this.#events.splice(index, 1)
    }
  }

  /** The next event; false when there is none. */
  step(): boolean {
    const event = this.#events.shift()
    if (event === undefined) return false
    this.#now = event.at
    this.trace.add(Math.round(event.at * 1000) % 1e9)
    event.run()
    return true
  }
}

/** What one process is lent; nothing of it happens any more once the process is gone. */
export function virtualPort(time: VirtualTime, random: Random, isAlive: () => boolean): RuntimePort {
  const ifAlive = (run: () => void) => () => {
    if (isAlive()) run()
  }
  return {
    now: () => Math.floor(time.wall),
    elapsed: () => Math.floor(time.elapsedMs),
    random: () => random.unit(),
    // No platform's timer is shorter than a millisecond.
    setTimer: (delayMs, callback) => time.after(Math.max(1, delayMs), ifAlive(callback)),
    defer: (callback) => void time.after(random.unit() * 0.1, ifAlive(callback)),
  }
}
