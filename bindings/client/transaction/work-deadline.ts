import type { RuntimePort } from '../../broker/runtime-port.ts'

/** How long the timer may outlive the last run, in milliseconds: until then it keeps the program alive. */
const LOOK_EVERY_MS = 100

/**
 * Tells when a run takes longer than its producer's transactions may. Its timer isn't one of each run, which would take
 * a twentieth of a small transaction: it looks again and again, and stays as long as it finds a run under way.
 */
export class WorkDeadline {
  readonly #port: RuntimePort
  readonly #limitMs: number
  #deadlineMs = 0
  /** Set while a run is under way. */
  #tell: (() => void) | undefined
  #cancel: (() => void) | undefined

  constructor(port: RuntimePort, limitMs: number) {
    this.#port = port
    this.#limitMs = limitMs
  }

  /** A run begins. Calls back if it hasn't ended in time. */
  begin(tell: () => void): void {
    this.#tell = tell
    this.#deadlineMs = this.#port.elapsed() + this.#limitMs
    if (this.#cancel === undefined) this.#wait(this.#limitMs)
  }

  end(): void {
    this.#tell = undefined
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #wait(leftMs: number): void {
    this.#cancel = this.#port.setTimer(Math.min(leftMs, LOOK_EVERY_MS), () => this.#look(), { keepsAlive: true })
  }

  #look(): void {
    this.#cancel = undefined
    if (this.#tell === undefined) return
    const leftMs = this.#deadlineMs - this.#port.elapsed()
    if (leftMs > 0) this.#wait(leftMs)
    else this.#tell()
  }
}
