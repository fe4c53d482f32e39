/** What the testkit and tests do to a kernel. Nothing that is packed imports it. */
import { LogError } from '../model/errors.ts'
import type { Kernel, KernelOptions } from './kernel.ts'
import { startKernel, type WasmKernel } from './wasm-kernel.ts'

const restarted = new LogError('KERNEL_POISONED', 'the kernel was restarted')

/** A new one on the memory of another, which refuses every call from now on: instances cost much, by the thousands. */
export function restartKernel(kernel: Kernel, options: KernelOptions): Kernel {
  const { core } = kernel as WasmKernel
  const { exports } = core
  core.end(restarted)
  return startKernel(exports, options)
}

/** The n-th allocation from now on fails as at the cap, once; 0 takes that back. */
export function failAllocation(kernel: Kernel, nth: number): void {
  ;(kernel as WasmKernel).core.exports.pages_fail(nth)
}

/** Writes outside of memory, which traps. */
export function trapKernel(kernel: Kernel): void {
  const { core } = kernel as WasmKernel
  try {
    core.exports.bytes_copy(0xfffffff0, 0, 64)
  } catch (error) {
    throw core.failure(error)
  }
}
