import type { Command } from 'commander'
import { createKernel } from '../../../kernel/create-kernel.ts'
import { loadKernelModule } from '../../../kernel/load-kernel.ts'
import { type VerifyReport, verifyDirectory } from '../../../log/verify/verify-directory.ts'
import { runTask } from '../../../storage/run-task.ts'
import { DirectoryImage } from '../directory-image.ts'
import { assertDirectory } from '../open.ts'
import { print, progressBar } from '../output.ts'
import { run } from '../run.ts'

const MEMORY_BYTES = 256 * 1024 * 1024
const LOOKS = 5

export function addVerify(program: Command): void {
  program
    .command('verify [directory]')
    .description('every CRC, index, checkpoint and frame')
    .addHelpText(
      'after',
      `
Writes nothing, and works beside a holder. Exits with 0 when all is whole; with 1 and a line for each damage, in the order
in which they were met, when something isn't. With --json the first line holds the counts, each further one a damage.

Example:
  oncelog verify ./data || alert`,
    )
    .action(
      run(async ({ directory, isJson, args }) => {
        const root = args[0] ?? directory
        assertDirectory(root)
        const report = await verifiedTwice(root)
        const { damage, ...counts } = report
        print([{ ...counts, damage: damage.length }], isJson)
        if (damage.length === 0) return
        print(
          damage.map((each) => ({ ...each })),
          isJson,
        )
        process.exitCode = 1
      }),
    )
}

/** Beside a holder that goes on writing, files move under the look: what is damaged is found again, at the same place. */
async function verifiedTwice(root: string): Promise<VerifyReport> {
  let report = await verified(root)
  for (let look = 1; look < LOOKS && report.damage.length > 0; look++) {
    const again = await verified(root)
    if (JSON.stringify(again.damage) === JSON.stringify(report.damage)) return again
    report = again
  }
  return report
}

async function verified(root: string): Promise<VerifyReport> {
  const kernel = createKernel(loadKernelModule(), { capBytes: MEMORY_BYTES })
  const store = new DirectoryImage(root)
  const bar = progressBar('verify', 1, ' partitions')
  try {
    return await runTask(verifyDirectory(store, kernel, (done, total) => bar.update(done, total)))
  } finally {
    bar.stop()
    store.close()
  }
}
