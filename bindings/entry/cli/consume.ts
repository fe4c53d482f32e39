import type { Command } from 'commander'
import { LogError, open } from '../node.ts'
import { printable } from './output.ts'
import type { Run } from './run.ts'

interface Shown {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

export function addConsume(program: Command, run: Run): void {
  program
    .command('consume <topic>')
    .description('records on standard output; with --group they are committed')
    .option('--group <id>', 'go on where the group is, and commit')
    .option('--from <where>', 'earliest, latest or milliseconds since 1970', 'earliest')
    .option('--follow', 'wait for more at the end')
    .option('--max <count>', 'stop after so many', Number)
    .action(
      run(async ({ directory, isJson, args: [topic = ''], options }) => {
        const log = await open(directory)
        const max = (options['max'] as number | undefined) ?? Number.POSITIVE_INFINITY
        let count = 0
        try {
          const group = options['group'] as string | undefined
          if (group === undefined) {
            const until = options['follow'] === true ? undefined : ('end' as const)
            for await (const record of log.read(topic, { from: fromOf(options['from']), until })) {
              show(record, isJson)
              if (++count >= max) break
            }
            return
          }
          const consumer = log.consumer({ groupId: group, topics: [topic] })
          const total = await consumer.lag()
          let left = [...total.values()].reduce((sum, lag) => sum + lag, 0)
          if (left === 0 && options['follow'] !== true) return
          for await (const record of consumer) {
            show(record, isJson)
            await consumer.commit(record)
            left--
            if (++count >= max || (left <= 0 && options['follow'] !== true)) break
          }
        } finally {
          await log.close()
        }
      }),
    )
}

function fromOf(text: unknown): 'earliest' | 'latest' | { timestamp: number } {
  if (text === 'earliest' || text === 'latest') return text
  const timestamp = Number(text)
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return { timestamp }
  throw new LogError('INVALID_REQUEST', '--from is earliest, latest or milliseconds since 1970', { option: 'from' })
}

function show(record: Shown, isJson: boolean): void {
  const { topic, partition, offset, timestamp } = record
  const key = textOf(record.key)
  const value = textOf(record.value)
  if (isJson) console.log(JSON.stringify({ topic, partition, offset, timestamp, key, value }))
  else
    console.log(
      `${partition}:${offset}\t${key === null ? '' : `${printable(key)}\t`}${value === null ? '(null)' : printable(value)}`,
    )
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : new TextDecoder().decode(bytes)
}
