import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { nodePort } from '../../embedded/node-port.ts'
import { importDirectory } from '../../import/import-directory.ts'
import type { ImportReport } from '../../import/import-report.ts'
import { LogError } from '../../node.ts'
import { repeated } from '../arguments.ts'
import { below } from '../help.ts'
import { print, type Row } from '../output.ts'
import { progressBar } from '../progress.ts'
import { type CommandCall, run } from '../run.ts'

export function addImport(program: Command): void {
  program
    .command('import <source> <target>')
    .description('import the directory of a Kafka broker')
    .option('--topic <name>', 'only this topic; may be repeated', repeated)
    .option('--no-groups', 'without the committed offsets of groups')
    .option('--leave-out-damaged', 'leave out damaged batches, and what follows them in their partition')
    .option('--dry-run', 'read and check everything, and write nothing')
    .addHelpText(
      'after',
      below(`
The broker must not be running. Whether it was stopped or killed, its files are read as its own next start would read
them. The source is one of its log.dirs, and is only read. The target must be empty or missing. Offsets, timestamps,
headers and compressed batches stay as they are, and so do the outcomes of transactions; open ones are aborted. What isn't
imported is listed with the reason.

A topic that doesn't set retention.ms keeps its records here until somebody sets it (topics alter), because the broker's
default isn't in the directory.

After a kill each partition ends where the broker's next start would cut it: at the first batch that isn't whole. That is
listed. It is no loss if nothing follows: a batch that was cut short was never acknowledged. Whole batches behind it may
have been acknowledged, though the broker's next start would drop them too.

Exits with 1 if Kafka would have shown more than was imported, or if whole batches stand behind such a cut. With --json
the first line holds the counts, each further line a topic, a partition, a group, or what was left out.

Examples:
  oncelog import /var/lib/kafka/data ./data --dry-run
  oncelog import /var/lib/kafka/data ./data --topic payments --topic refunds`),
    )
    .action(
      run(async (call) => {
        const report = await imported(call)
        show(report, call.isJson)
        if (report.leftOut.some(({ isLoss }) => isLoss)) process.exitCode = 1
        if (call.options['dryRun'] === true) return undefined
        const [source = '', target = ''] = call.args
        return { sentence: `imported ${source} to ${target}`, facts: { source, target, imported: true } }
      }),
    )
}

async function imported({ args: [source = '', target = ''], options, signal }: CommandCall): Promise<ImportReport> {
  assertDirectory(source)
  const isDry = options['dryRun'] === true
  const bar = progressBar(isDry ? 'check' : 'import', 1, 'bytes')
  const named = options['topic'] as readonly string[] | undefined
  try {
    const call = {
      source,
      target,
      isDry,
      signal,
      topics: named === undefined ? undefined : new Set(named),
      groups: options['groups'] !== false,
      leaveOutDamaged: options['leaveOutDamaged'] === true,
      progressed: (done: number, total: number) => bar.update(done, total),
    }
    return await importDirectory(call, nodePort)
  } finally {
    bar.stop()
  }
}

function show({ isClean, topics, partitions, groups, leftOut }: ImportReport, isJson: boolean): void {
  const records = partitions.reduce((sum, each) => sum + each.records, 0)
  const counts = { topics: topics.length, partitions: partitions.length, records, groups: groups.length }
  print([{ ...counts, leftOut: leftOut.length, stopped: isClean ? 'cleanly' : 'killed' }], isJson)
  const shown = (kind: string, rows: readonly object[], none: string) =>
    print(
      rows.map((row): Row => (isJson ? { [kind]: row } : { ...row })),
      isJson,
      none,
    )
  shown('topic', topics, 'no topics')
  shown('partition', partitions, 'no partitions')
  shown('group', groups, 'no groups')
  shown('leftOut', leftOut.map(withAllFields), 'nothing was left out')
}

/** Every row of a table needs the same fields. */
function withAllFields({
  file,
  position,
  topic,
  partition,
  offset,
  bytes,
  why,
  isLoss,
}: ImportReport['leftOut'][number]) {
  return { file, position, topic, partition, offset, bytes, why, isLoss }
}

function assertDirectory(source: string): void {
  const stats = statSync(source, { throwIfNoEntry: false })
  if (stats?.isDirectory() === true) return
  const message = stats === undefined ? `there is no directory ${source}` : `${source} is no directory`
  throw new LogError('INVALID_REQUEST', message, { argument: 'source' })
}
