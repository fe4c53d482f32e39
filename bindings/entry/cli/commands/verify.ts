import type { Command } from 'commander'
import type { VerifyReport } from '../../../log/verify/verify-directory.ts'
import { DirectoryImage } from '../../embedded/directory-image.ts'
import { nodePort } from '../../embedded/node-port.ts'
import { verifyFiles } from '../../embedded/verify-files.ts'
import { below } from '../help.ts'
import { assertLog } from '../open.ts'
import { print } from '../output.ts'
import { progressBar } from '../progress.ts'
import { run } from '../run.ts'

export function addVerify(program: Command): void {
  program
    .command('verify [directory]')
    .description('check every CRC, index, checkpoint and frame')
    .addHelpText(
      'after',
      below(`
Writes nothing, and works while a program has the log open. Exits with 0 if everything is whole; else with 1 and a line
for each damaged place, in the order found; with 2 for what is no log, such as a copy that isn't finished. With --json
the first line holds the counts, each further line a damaged place.

Example:
  oncelog verify ./data || alert`),
    )
    .action(
      run(async ({ directory, isJson, args, signal }) => {
        const root = args[0] ?? directory
        assertLog(root, { isArgument: args[0] !== undefined })
        const report = await verified(root, signal)
        const { damage, ...counts } = report
        print([{ ...counts, damage: damage.length }], isJson)
        print(
          damage.map(({ file, position, topic, partition, offset, code }) => {
            return { file, position, topic, partition, offset, code }
          }),
          isJson,
          'no damage found',
        )
        if (damage.length > 0) process.exitCode = 1
      }),
    )
}

async function verified(root: string, signal: AbortSignal): Promise<VerifyReport> {
  const store = new DirectoryImage(root)
  const bar = progressBar('verify', 1, 'partitions')
  try {
    const progress = (done: number, total: number) => bar.update(done, total)
    return await verifyFiles({ store: () => store, port: nodePort, signal, progress })
  } finally {
    bar.stop()
    store.close()
  }
}
