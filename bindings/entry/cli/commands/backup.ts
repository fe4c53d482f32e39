import { resolve } from 'node:path'
import type { Command } from 'commander'
import { below } from '../help.ts'
import { withLog } from '../open.ts'
import { say } from '../output.ts'
import { run } from '../run.ts'

export function addBackup(program: Command): void {
  program
    .command('backup <directory> <target>')
    .description('copy a log as of one moment, while others write to it')
    .addHelpText(
      'after',
      below(`
The target must be empty, or not there yet. All that was acknowledged before is in the copy, of each transaction all or
nothing. The program that holds the log makes it; without one this command opens the log. Closed segments get a second
name where both lie in one file system: for bytes of their own, back up to another one.

Example:
  oncelog backup ./data /backups/monday && oncelog verify /backups/monday`),
    )
    .action(
      run(async ({ isJson, args: [directory = '', target = ''] }) => {
        await withLog({ directory, isJson, isArgument: true }, (log) => log.backup(target))
        say(`copied ${directory} to ${target}`, { directory, target: resolve(target), copied: true }, isJson)
      }),
    )
}
