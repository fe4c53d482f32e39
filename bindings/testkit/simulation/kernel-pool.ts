import { createKernel, restartKernel } from '../../kernel/create-kernel.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { loadKernelModule } from '../../kernel/load-kernel.ts'

const options = { capBytes: 16 << 20 }

/** Kernels whose log is gone: an instance costs more than an opening does, and a simulation opens by the thousands. */
const free: Kernel[] = []

export function takeKernel(): Kernel {
  const used = free.pop()
  return used === undefined ? createKernel(loadKernelModule(), options) : restartKernel(used, options)
}

export function returnKernel(kernel: Kernel): void {
  free.push(kernel)
}
