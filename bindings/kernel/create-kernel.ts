import { instantiateSync } from '@assemblyscript/loader'
import type { KernelExports } from './exports.ts'
import type { Kernel, KernelOptions } from './kernel.ts'
import { startKernel } from './wasm-kernel.ts'

export function createKernel(module: WebAssembly.Module, options: KernelOptions): Kernel {
  return startKernel(instantiateSync(module, {}).instance.exports as unknown as KernelExports, options)
}
