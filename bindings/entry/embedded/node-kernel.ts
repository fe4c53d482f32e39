import type { RuntimePort } from '../../broker/runtime-port.ts'
import { createKernel } from '../../kernel/create-kernel.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { loadKernelModule } from '../../kernel/load-kernel.ts'

/** A kernel with at most this many bytes, once the port is ready. */
export async function kernelFor(port: RuntimePort, capBytes: number): Promise<Kernel> {
  await port.ready?.()
  return createKernel(loadKernelModule(decoded), { capBytes, codecs: port.codecs })
}

function decoded(base64: string): Uint8Array<ArrayBuffer> {
  return Buffer.from(base64, 'base64')
}
