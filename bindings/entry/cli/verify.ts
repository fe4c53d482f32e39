import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { createKernel } from '../../kernel/create-kernel.ts'
import { loadKernelModule } from '../../kernel/load-kernel.ts'
import { verifyDirectory } from '../../log/verify/verify-directory.ts'
import { createDirectoryStore } from '../../storage/drivers/node-fs.ts'
import { runTask } from '../../storage/run-task.ts'
import { LogError } from '../node.ts'
import { print, progressBar } from './output.ts'
import type { Run } from './run.ts'

const MEMORY_BYTES = 256 * 1024 * 1024

export function addVerify(program: Command, run: Run): void {
  program
    .command('verify [directory]')
    .description('every CRC, index, checkpoint and frame; exits with 1 and the place of the first damage')
    .action(
      run(async ({ directory, isJson, args }) => {
        const root = args[0] ?? directory
        if (!existsSync(root))
          throw new LogError('INVALID_REQUEST', `there is no directory ${root}`, { directory: root })
        const kernel = createKernel(loadKernelModule(), { capBytes: MEMORY_BYTES })
        const store = createDirectoryStore(root)
        const bar = progressBar('verify', 1)
        const report = await runTask(verifyDirectory(store, kernel, (done) => bar.update(done)))
        bar.stop()
        await store.close()
        const { damage, ...counts } = report
        print([counts], isJson)
        if (damage.length === 0) return
        print(
          damage.map((each) => ({ ...each })),
          isJson,
        )
        process.exitCode = 1
      }),
    )
}
