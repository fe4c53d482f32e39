import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { LogError, open, type ProducerRecord } from '../node.ts'
import type { Run } from './run.ts'

const BATCH = 1000

export function addProduce(program: Command, run: Run): void {
  program
    .command('produce <topic>')
    .description('one record a line, from standard input or a file')
    .option('--file <path>', 'read lines from here')
    .option('--key-separator <text>', 'what stands before it is the key')
    .option('--partition <number>', 'to this partition', Number)
    .option('--acks <level>', '1 or all', 'all')
    .action(
      run(async ({ directory, isJson, args: [topic = ''], options }) => {
        const log = await open(directory)
        try {
          const producer = log.producer({ acks: acksOf(options['acks']) })
          const input = options['file'] === undefined ? process.stdin : createReadStream(options['file'] as string)
          const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
          let count = 0
          let batch: ProducerRecord[] = []
          for await (const line of lines) {
            batch.push(recordOf(topic, line, options))
            count++
            if (batch.length < BATCH) continue
            await producer.send(batch)
            batch = []
          }
          await producer.send(batch)
          console.log(isJson ? JSON.stringify({ topic, records: count }) : `wrote ${count} records to ${topic}`)
        } finally {
          await log.close()
        }
      }),
    )
}

function acksOf(text: unknown): 1 | 'all' {
  if (text === '1') return 1
  if (text === 'all') return 'all'
  throw new LogError('INVALID_REQUIRED_ACKS', '--acks is 1 or all', { option: 'acks' })
}

function recordOf(topic: string, line: string, options: Readonly<Record<string, unknown>>): ProducerRecord {
  const partition = options['partition'] as number | undefined
  const separator = options['keySeparator'] as string | undefined
  const at = separator === undefined ? -1 : line.indexOf(separator)
  if (separator === undefined || at < 0) return { topic, value: line, partition }
  return { topic, key: line.slice(0, at), value: line.slice(at + separator.length), partition }
}
