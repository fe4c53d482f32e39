import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'

/** Of one moment. Whoever sets more sets one again and again for what it doesn't do. */
const TIMERS_AT_ONCE_MAX = 10_000

/** Time stands still until `advance`; chance comes from a seed. */
export class FakePort implements RuntimePort {
  time = 1_700_000_000_000
  readonly #timers = new Map<number, { readonly at: number; readonly callback: () => void }>()
  #nextTimer = 0
  #seed: number
  /** By how much the wall clock was put forward. */
  #jumpedMs = 0

  constructor(seed = 1) {
    this.#seed = seed
  }

  get timers(): number {
    return this.#timers.size
  }

  now(): number {
    return this.time
  }

  elapsed(): number {
    return this.time - this.#jumpedMs
  }

  /** Somebody sets the wall clock: no time passes. */
  jump(byMs: number): void {
    this.time += byMs
    this.#jumpedMs += byMs
    for (const [id, { at, callback }] of [...this.#timers]) this.#timers.set(id, { at: at + byMs, callback })
  }

  random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0
    return this.#seed / 2 ** 32
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const id = this.#nextTimer++
    this.#timers.set(id, { at: this.time + delayMs, callback })
    return () => this.#timers.delete(id)
  }

  defer(callback: () => void): void {
    setImmediate(callback)
  }

  /** Runs what is due, in its order, and lets everything that follows from it happen. */
  async advance(byMs: number): Promise<void> {
    const until = this.time + byMs
    let timersAtOnce = 0
    await settle()
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers.delete(due[0])
      timersAtOnce = due[1].at > this.time ? 0 : timersAtOnce + 1
      if (timersAtOnce > TIMERS_AT_ONCE_MAX) throw new Error(`timers without end at ${this.time}`)
      this.time = Math.max(this.time, due[1].at)
      due[1].callback()
      await settle()
    }
    this.time = until
    await settle()
  }
}

/** Everything that needs no timer has happened. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
