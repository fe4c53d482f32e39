import { instantiateSync } from '@assemblyscript/loader'
import { ofWebAssembly } from '../model/web-assembly.ts'
import type { KernelExports } from './exports.ts'
import type { Kernel, KernelOptions } from './kernel.ts'
import { startKernel } from './wasm-kernel.ts'

export function createKernel(module: WebAssembly.Module, options: KernelOptions): Kernel {
  const { instance } = ofWebAssembly(() => instantiateSync(module, {}))
  return startKernel(instance.exports as unknown as KernelExports, options)
}
