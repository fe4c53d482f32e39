import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'

/** Time stands still, chance comes from a seed, later is the next microtask: the same calls leave the same bytes. */
export class StillPort implements RuntimePort {
  #seed: number

  constructor(seed = 1) {
    this.#seed = seed
  }

  now(): number {
    return 1_700_000_000_000
  }

  elapsed(): number {
    return 0
  }

  random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0
    return this.#seed / 2 ** 32
  }

  setTimer(_delayMs?: number, _callback?: () => void): () => void {
    return () => {}
  }

  defer(callback: () => void): void {
    queueMicrotask(callback)
  }
}
