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
The target must be empty or missing. The copy has everything that was acknowledged before, and all or nothing of each
transaction. If a program holds the log, that program makes the copy; else this command opens the log. In the same file
system closed segments are hard links, not copies: back up to another file system for bytes of their own. A signal ends
this command: what it leaves is no log, but a program that holds the log goes on with its copy.

Example:
  oncelog backup ./data /backups/monday && oncelog verify /backups/monday`),
    )
    .action(
      run(async ({ isJson, args: [directory = '', target = ''], signal }) => {
        await withLog({ directory, isJson, isArgument: true }, (log) => log.backup(target, { signal }))
        return say(`copied ${directory} to ${target}`, { directory, target: resolve(target), copied: true }, isJson)
      }),
    )
}
