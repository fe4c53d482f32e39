import { resolve } from 'node:path'
import type { Command } from 'commander'
import { nodePort } from '../../embedded/node-port.ts'
import { type SalvageReport, salvageDirectory } from '../../embedded/salvage.ts'
import { below } from '../help.ts'
import { assertLog } from '../open.ts'
import { print } from '../output.ts'
import { progressBar } from '../progress.ts'
import { run } from '../run.ts'

export function addSalvage(program: Command): void {
  program
    .command('salvage <directory> <target>')
    .description('copy what is intact of a damaged log, and list what is not')
    .addHelpText(
      'after',
      below(`
The target must be empty or missing. The directory is only read, and no program may have the log open. Records keep their
offsets, so the copy has holes where something is lost; readers pass over them. Each line of the list names offsets that
the copy lacks ("missing"), records that it counts as aborted because the end of their transaction is lost ("undecided"),
or damage where nobody can tell what was written ("unknown"). Exits with 0 if nothing was lost, else with 1. With --json
the first line holds the counts, each further line a loss.

Example:
  oncelog salvage ./data ./salvaged && mv ./data ./damaged && mv ./salvaged ./data`),
    )
    .action(
      run(async ({ isJson, args: [directory = '', target = ''], signal }) => {
        assertLog(directory, { isArgument: true })
        const { losses, ...counts } = await salvaged(directory, target, signal)
        print([{ ...counts, losses: losses.length, target: resolve(target) }], isJson)
        print(
          losses.map((each) => ({ ...each })),
          isJson,
          'nothing was lost',
        )
        if (losses.length > 0) process.exitCode = 1
        const sentence = `copied what is intact of ${directory} to ${target}`
        return { sentence, facts: { ...counts, losses: losses.length, target: resolve(target) } }
      }),
    )
}

async function salvaged(directory: string, target: string, signal: AbortSignal): Promise<SalvageReport> {
  const bar = progressBar('salvage', 1, 'bytes')
  const progress = (done: number, total: number) => bar.update(done, total)
  try {
    return await salvageDirectory(directory, target, nodePort, { signal, progress })
  } finally {
    bar.stop()
  }
}
