import { createKernel } from '../../kernel/create-kernel.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { restartKernel } from '../../kernel/kernel-seams.ts'
import { loadKernelModule } from '../../kernel/load-kernel.ts'
import type { Codecs } from '../../model/compression.ts'

const CAP_BYTES = 16 << 20

/** Kernels whose log is gone: an instance costs more than an open does, and a simulation opens thousands of logs. */
const free: Kernel[] = []

export function takeKernel(codecs: Codecs = {}): Kernel {
  const used = free.pop()
  const options = { capBytes: CAP_BYTES, codecs }
  return used === undefined ? createKernel(loadKernelModule(), options) : restartKernel(used, options)
}

export function returnKernel(kernel: Kernel): void {
  free.push(kernel)
}
