import { Command, Option } from 'commander'
import manifest from '../../../package.json' with { type: 'json' }
import { addBackup } from './commands/backup.ts'
import { addConsume } from './commands/consume.ts'
import { addGroups } from './commands/groups.ts'
import { addImport } from './commands/import.ts'
import { addInspect } from './commands/inspect.ts'
import { addProduce } from './commands/produce.ts'
import { addSalvage } from './commands/salvage.ts'
import { addShareGroups } from './commands/share-groups.ts'
import { addTopics } from './commands/topics.ts'
import { addTransactions } from './commands/transactions.ts'
import { addVerify } from './commands/verify.ts'
import { below } from './help.ts'
import { printable } from './output.ts'
import { reportOutput } from './report.ts'

const EXPLAINED = `
Examples:
  oncelog topics create payments --partitions 4
  echo 'ada:10' | oncelog produce payments --key-separator :
  oncelog consume payments --json
  oncelog groups describe audit
  oncelog verify ./data
  oncelog backup ./data /backups/monday
  oncelog import /var/lib/kafka/data ./data
  oncelog salvage ./data ./salvaged

Exit codes: 0 done, or the reader of the output has closed it; 1 the log or the disk refused, or damage was found; 2 the
call is wrong, and the message says how; 130 and 143 ended by SIGINT or SIGTERM. Where 1 stands for standard output that
couldn't be written, the error says what was done all the same.

All commands but salvage and import work while a program has the log open. topics list, describe and config, consume
without --group, inspect and verify only read the directory; the others go through that program. Listing and describing
groups and transactions changes nothing.`

export function commandLine(argv: readonly string[]): Command {
  // Read before parsing, because parse errors are reported in this form, too.
  const isJson = argv.includes('--json')
  const program = new Command('oncelog')
    .description('an ordered, durable log in a directory')
    .version(manifest.version)
    .addOption(new Option('--dir <directory>', 'where the log is').env('ONCELOG_DIR').default('./data'))
    .option('--json', 'one JSON object a line; errors too, on standard error')
    .showHelpAfterError(isJson ? false : '(--help says more)')
    .configureOutput({
      outputError: (text) => process.stderr.write(isJson ? jsonError(text) : withoutEscapes(text)),
      // For programs, the help of a call without a command is no error that they can read.
      ...(isJson ? { writeErr: () => {} } : {}),
    })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', below(EXPLAINED))
    .exitOverride(({ code, exitCode }) => {
      if (exitCode === 0) process.exit(endOfHelp(isJson))
      if (isJson && code === 'commander.help')
        process.stderr.write(jsonError('a command is missing, or there is none of that name'))
      process.exit(2)
    })

  addTopics(program)
  addProduce(program)
  addConsume(program)
  addGroups(program)
  addShareGroups(program)
  addTransactions(program)
  addInspect(program)
  addVerify(program)
  addBackup(program)
  addImport(program)
  addSalvage(program)
  return program
}

/** A file is written at once, so it is known already whether it took the text. */
function endOfHelp(isJson: boolean): number {
  const error = process.stdout.errored as NodeJS.ErrnoException | null
  return error === null || error.code === 'EPIPE' ? 0 : reportOutput(error, undefined, isJson)
}

/** In the form of other failures, without commander's prefix. */
function jsonError(text: string): string {
  const message = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
  const error = { error: 'INVALID_REQUEST', category: 'misuse', message, hint: '--help says more', details: {} }
  return `${JSON.stringify(error)}\n`
}

/** Commander repeats the caller's words as they are. */
function withoutEscapes(text: string): string {
  return text.split('\n').map(printable).join('\n')
}
