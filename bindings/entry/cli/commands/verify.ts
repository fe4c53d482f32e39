import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Command } from 'commander'
import { createKernel } from '../../../kernel/create-kernel.ts'
import { loadKernelModule } from '../../../kernel/load-kernel.ts'
import { type VerifyReport, verifyDirectory } from '../../../log/verify/verify-directory.ts'
import type { Task } from '../../../storage/effect.ts'
import { runTask } from '../../../storage/run-task.ts'
import { nodePort } from '../../embedded/node-port.ts'
import { DirectoryImage } from '../directory-image.ts'
import { below } from '../help.ts'
import { assertLog } from '../open.ts'
import { print } from '../output.ts'
import { progressBar } from '../progress.ts'
import { run } from '../run.ts'

const MEMORY_BYTES = 256 * 1024 * 1024
const LOOKS = 5

export function addVerify(program: Command): void {
  program
    .command('verify [directory]')
    .description('check every CRC, index, checkpoint and frame')
    .addHelpText(
      'after',
      below(`
Writes nothing, and works beside a holder. Exits with 0 when all is whole; with 1 and a line for each damage, in the order
in which they were met, when something isn't. With --json the first line holds the counts, each further one a damage.

Example:
  oncelog verify ./data || alert`),
    )
    .action(
      run(async ({ directory, isJson, args, signal }) => {
        const root = args[0] ?? directory
        assertLog(root)
        const report = await verifiedTwice(root, signal)
        const { damage, ...counts } = report
        print([{ ...counts, damage: damage.length }], isJson)
        print(
          damage.map((each) => ({ ...each })),
          isJson,
          'no damage found',
        )
        if (damage.length > 0) process.exitCode = 1
      }),
    )
}

/** Beside a holder that goes on writing, files move under the look: what is damaged is found again, at the same place. */
async function verifiedTwice(root: string, signal: AbortSignal): Promise<VerifyReport> {
  let report = await verified(root, signal)
  for (let look = 1; look < LOOKS && report.damage.length > 0; look++) {
    const again = await verified(root, signal)
    if (JSON.stringify(again.damage) === JSON.stringify(report.damage)) return again
    report = again
  }
  return report
}

async function verified(root: string, signal: AbortSignal): Promise<VerifyReport> {
  await nodePort.ready?.()
  const kernel = createKernel(loadKernelModule(), { capBytes: MEMORY_BYTES, codecs: nodePort.codecs })
  const store = new DirectoryImage(root)
  const bar = progressBar('verify', 1, 'partitions')
  try {
    const task = verifyDirectory(store, kernel, (done, total) => bar.update(done, total))
    return await runTask(interruptible(task, signal))
  } finally {
    bar.stop()
    store.close()
  }
}

/** Lets signals in where the task makes room for others. */
function* interruptible<T>(task: Task<T>, signal: AbortSignal): Task<T> {
  const pause = () => nextTurn().then(() => signal.throwIfAborted())
  for (let step = task.next(); ; ) {
    if (step.done) return step.value
    const effect = step.value
    const isPause = 'kind' in effect && effect.kind === 'yield'
    let result: unknown
    try {
      result = yield isPause ? { ...effect, run: pause } : effect
    } catch (error) {
      step = task.throw(error)
      continue
    }
    step = task.next(result)
  }
}
