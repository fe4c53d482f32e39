import { nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { type SalvageReport, salvageLog } from '../../bindings/log/salvage/salvage.ts'
import { type VerifyReport, verifyDirectory } from '../../bindings/log/verify/verify-directory.ts'
import type { FileStore } from '../../bindings/storage/file-store.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { DirectoryImage } from '../damage/directory-image.ts'

const RING = { ringFileBytes: 64 * 1024, ringFiles: 2, ringFilesUsual: 4, ringFilesMax: 16 }

function kernelOf() {
  return createKernel(loadKernelModule(), { capBytes: 64 * 1024 * 1024, codecs: nodeCodecs })
}

export interface Salvaged {
  readonly copy: DirectoryImage
  readonly report: SalvageReport
}

export async function salvaged(source: DirectoryImage): Promise<Salvaged> {
  const copy = new DirectoryImage()
  return { copy, report: await salvagedInto(source, copy) }
}

export function salvagedInto(source: FileStore, target: FileStore): Promise<SalvageReport> {
  const options = { ...RING, random: () => 0.5 }
  return runTask(salvageLog({ source, target, kernel: kernelOf(), options, now: 1_700_000_000_000 }))
}

export function verified(image: FileStore): Promise<VerifyReport> {
  return runTask(verifyDirectory(image, kernelOf(), () => {}))
}
