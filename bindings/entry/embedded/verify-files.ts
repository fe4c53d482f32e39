import type { RuntimePort } from '../../broker/runtime-port.ts'
import { type VerifyProgress, type VerifyReport, verifyDirectory } from '../../log/verify/verify-directory.ts'
import type { AbortSignalLike } from '../../model/platform.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { kernelFor } from './node-kernel.ts'
import { runInTurns } from './run-in-turns.ts'

const MEMORY_BYTES = 256 * 1024 * 1024
const LOOKS = 5

/** `store`: made anew for each look, and only read. */
export interface VerifiedFiles {
  readonly store: () => FileStore
  readonly port: RuntimePort
  readonly signal?: AbortSignalLike | undefined
  readonly progress?: VerifyProgress | undefined
}

/** Beside a holder files change during a look. Real damage is found by every look, at the same place. */
export async function verifyFiles(files: VerifiedFiles): Promise<VerifyReport> {
  let report = await lookOnce(files)
  for (let look = 1; look < LOOKS && report.damage.length > 0; look++) {
    const found = new Set(report.damage.map((each) => JSON.stringify(each)))
    const again = await lookOnce(files)
    const damage = again.damage.filter((each) => found.has(JSON.stringify(each)))
    if (damage.length === found.size) return { ...again, damage }
    report = { ...again, damage }
  }
  return report
}

/** With a kernel of its own: the log's kernel memory is for producers and readers. */
async function lookOnce({ store, port, signal, progress = () => {} }: VerifiedFiles): Promise<VerifyReport> {
  const kernel = await kernelFor(port, MEMORY_BYTES)
  return await runInTurns(verifyDirectory(store(), kernel, progress), port, signal)
}
