import { LogError } from '../model/errors.ts'
import type { KernelExports } from './exports.ts'

const dead: Uint8Array<ArrayBuffer> = new Uint8Array(0)

/**
 * One WASM instance: its exports, the views over its memory, and its end. Every object of the kernel calls through it.
 *
 * - Memory grows only in `allocate`, which then makes new views: the old buffer is detached, and its views have length
 *   0.
 * - A trap leaves memory in an unknown state. So it replaces the exports by functions that throw, and the views by
 *   empty ones: no later call gets through, and calls before it don't pay for a check.
 */
export class KernelCore {
  exports: KernelExports
  #u8: Uint8Array<ArrayBuffer> = dead
  #view: DataView<ArrayBuffer> = new DataView(dead.buffer)
  #poison: LogError | undefined

  constructor(exports: KernelExports) {
    this.exports = exports
    this.#renew()
  }

  /** The whole memory; valid until the next call that may allocate. */
  get u8(): Uint8Array<ArrayBuffer> {
    if (this.#poison !== undefined) throw this.#poison
    return this.#u8
  }

  get view(): DataView<ArrayBuffer> {
    if (this.#poison !== undefined) throw this.#poison
    return this.#view
  }

  #renew(): void {
    const { buffer } = this.exports.memory
    this.#u8 = new Uint8Array(buffer)
    this.#view = new DataView(buffer)
  }

  /** An address, or 0 at the cap. */
  allocate(sizeBytes: number): number {
    const address = this.exports.block_allocate(sizeBytes) >>> 0
    if (this.#u8.length === 0) this.#renew()
    return address
  }

  free(address: number): void {
    this.exports.block_free(address)
  }

  /** The error that a public call throws in place of what it caught. */
  failure(error: unknown): unknown {
    if (!(error instanceof WebAssembly.RuntimeError)) return error
    return this.end(new LogError('KERNEL_POISONED', `the WASM kernel trapped: ${error.message}`, {}, error))
  }

  /** From now on every call is refused with this error. */
  end(poison: LogError): LogError {
    const refuse = (): never => {
      throw poison
    }
    const exports: Record<string, unknown> = {}
    for (const name of Object.keys(this.exports)) exports[name] = refuse
    this.exports = exports as unknown as KernelExports
    this.#poison = poison
    this.#u8 = dead
    this.#view = new DataView(dead.buffer)
    return poison
  }
}

export function misuse(message: string, details: Readonly<Record<string, unknown>> = {}): LogError {
  return new LogError('INVALID_REQUEST', message, details)
}
