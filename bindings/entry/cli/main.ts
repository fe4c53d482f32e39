import { Command } from 'commander'
import { addConsume } from './consume.ts'
import { addInspect } from './inspect.ts'
import { addProduce } from './produce.ts'
import { runner } from './run.ts'
import { addTopics } from './topics.ts'
import { addVerify } from './verify.ts'

const program = new Command('oncelog')
  .description('an ordered, durable log in a directory')
  .version('0.1.0')
  .option('--dir <directory>', 'where the log is', process.env['ONCELOG_DIR'] ?? './data')
  .option('--json', 'one JSON object a line')
  .showHelpAfterError()
  .addHelpText(
    'after',
    `
Examples:
  oncelog topics create payments --partitions 4
  echo 'ada:10' | oncelog produce payments --key-separator :
  oncelog consume payments --json
  oncelog verify ./data

Exit codes: 0 done, 1 the log or the disk says no (verify: damage), 2 the call must be mended.
inspect and verify only read, and work beside a program that has the log open.`,
  )
  .exitOverride((stop) => process.exit(stop.exitCode === 0 ? 0 : 2))

const run = runner()
addTopics(program, run)
addProduce(program, run)
addConsume(program, run)
addInspect(program, run)
addVerify(program, run)
await program.parseAsync()
