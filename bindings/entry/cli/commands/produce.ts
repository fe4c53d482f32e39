import { createReadStream, fstatSync, statSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { parseTopicConfig } from '../../../model/topic-config.ts'
import { command } from '../../embedded/embedded-log.ts'
import { type Compression, type EmbeddedLog, LogError, type Producer, type TopicConfig } from '../../node.ts'
import { countFrom } from '../arguments.ts'
import { below } from '../help.ts'
import { type InputFormat, type Line, readLines } from '../input.ts'
import { withOpenLog } from '../open.ts'
import { counted, type Outcome, say } from '../output.ts'
import { progressBar } from '../progress.ts'
import { type CommandCall, run } from '../run.ts'

/** Of a directory Node makes an empty stream. */
const STANDARD_INPUT = 0
/** Sends in flight at a time: one is encoded while the one before is written to the disk. */
const WINDOW = 4

export function addProduce(program: Command): void {
  program
    .command('produce <topic>')
    .description('write records from standard input or a file, which may be gzipped')
    .option('--file <path>', 'read this instead of standard input')
    .addOption(
      new Option(
        '--format <name>',
        'lines: each line is a record; ndjson: each object; csv: each row, as JSON (default: by the ending of --file, or lines)',
      ).choices(['lines', 'ndjson', 'csv']),
    )
    .addOption(new Option('--key-separator <text>', 'with lines: the text before it is the key').conflicts('keyField'))
    .option('--key-field <name>', 'with ndjson and csv: this field is the key')
    .option('--partition <number>', 'to this partition', countFrom(0))
    .addOption(
      new Option('--acks <level>', 'all: on stable storage; 1: survives kill -9').choices(['1', 'all']).default('all'),
    )
    .addOption(
      new Option('--compression <name>', 'of the batches, unless the topic sets another')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .addHelpText(
      'after',
      below(`
Ends when the input ends. At SIGINT it writes what it has read, and closes the log.

Examples:
  echo 'ada:10' | oncelog produce payments --key-separator :
  oncelog produce flights --file flights.ndjson.gz --key-field origin
  zcat retail.csv.gz | oncelog produce retail --format csv --key-field CustomerID`),
    )
    .action(run(produce))
}

async function produce({ directory, isJson, args: [topic = ''], options, signal }: CommandCall): Promise<Outcome> {
  const path = options['file'] as string | undefined
  const format = formatOf(path, options)
  return withOpenLog({ directory, isJson }, async (log) => {
    const { config } = await command(log, log.admin.describeTopic(topic))
    const how = { ...format, recordBytesMax: recordBytesMax(config) }
    const compression = options['compression'] as Compression
    const producer = log.producer({ acks: options['acks'] === '1' ? 1 : 'all', compression })
    const stats = path === undefined ? fstatSync(STANDARD_INPUT) : statSync(path, { throwIfNoEntry: false })
    if (stats === undefined) throw wrong(`there is no file ${JSON.stringify(path)}`, 'file')
    if (stats.isDirectory()) throw wrong(`${path ?? 'standard input'} is a directory`, 'file')
    const source = path === undefined ? process.stdin : createReadStream(path)
    const bar = progressBar('produce', path === undefined ? 0 : stats.size, 'bytes')
    const sent = new Sent(log, producer, topic, options['partition'] as number | undefined)
    try {
      for await (const lines of readLines(source, how, signal)) {
        await sent.send(lines)
        if ('bytesRead' in source) bar.update(source.bytesRead)
      }
    } catch (error) {
      if (!signal.aborted) throw withCount(error, await sent.settled())
    } finally {
      bar.stop()
      source.destroy()
    }
    const count = await sent.all()
    return say(`wrote ${counted(count, 'record')} to ${topic}`, { topic, records: count }, isJson)
  })
}

/** Keeps a few sends in flight, and counts the acknowledged records. */
class Sent {
  readonly #log: EmbeddedLog
  readonly #producer: Producer
  readonly #topic: string
  readonly #partition: number | undefined
  readonly #sending: Promise<unknown>[] = []
  /** Of the records that were given to the producer. */
  #given = 0
  /** Of those that are acknowledged. */
  #count = 0

  constructor(log: EmbeddedLog, producer: Producer, topic: string, partition: number | undefined) {
    this.#log = log
    this.#producer = producer
    this.#topic = topic
    this.#partition = partition
  }

  async send(lines: readonly Line[]): Promise<void> {
    const records = lines.map(({ key, value }) => ({ topic: this.#topic, key, value, partition: this.#partition }))
    const before = this.#given
    this.#given += records.length
    const sending = command(this.#log, this.#producer.send(records)).then(
      (written) => {
        this.#count += written.length
      },
      (error: unknown) => {
        if (!LogError.is(error, 'PARTIAL_SEND')) throw ofInput(error, before)
        this.#count += error.details['written'] as number
        throw firstRefusal(error)
      },
    )
    // Awaited below, in order; until then its rejection must not end the program.
    sending.catch(() => {})
    this.#sending.push(sending)
    if (this.#sending.length < WINDOW) return
    await this.#sending.shift()
  }

  async all(): Promise<number> {
    try {
      await Promise.all(this.#sending)
    } catch (error) {
      throw withCount(error, await this.settled())
    }
    return this.#count
  }

  /** How many records were written, once nothing is in flight any more. */
  async settled(): Promise<number> {
    await Promise.allSettled(this.#sending)
    return this.#count
  }
}

/** A record is less than the batch that it makes alone, which both bound. */
function recordBytesMax(config: TopicConfig): number {
  const { maxMessageBytes, segmentBytes } = parseTopicConfig(config)
  return Math.min(maxMessageBytes, segmentBytes)
}

/** Why records of the call were refused: people see no details. */
function firstRefusal({ details }: LogError): unknown {
  const results = details['results'] as readonly { readonly error?: unknown }[]
  return results.find(({ error }) => error !== undefined)?.error
}

/** A producer counts the records of a call from 0, people those of the input from 1. */
function ofInput(error: unknown, before: number): unknown {
  if (!LogError.is(error) || typeof error.details['index'] !== 'number') return error
  const { index } = error.details
  const message = error.message.replace(`record ${index} `, `record ${before + index + 1} of the input `)
  return new LogError(error.code as never, message, { ...error.details, index: before + index })
}

function formatOf(path: string | undefined, options: CommandCall['options']): Omit<InputFormat, 'recordBytesMax'> {
  const ending = /\.(ndjson|jsonl|csv)(\.gz)?$/.exec(path ?? '')?.[1]
  const byEnding = ending === 'csv' ? 'csv' : ending === undefined ? 'lines' : 'ndjson'
  const format = (options['format'] as InputFormat['format'] | undefined) ?? byEnding
  const keySeparator = options['keySeparator'] as string | undefined
  const keyField = options['keyField'] as string | undefined
  if (keySeparator === '') throw wrong('--key-separator must not be empty', 'keySeparator')
  if (format === 'lines' && keyField !== undefined) throw wrong('--key-field needs --format ndjson or csv', 'keyField')
  if (format !== 'lines' && keySeparator !== undefined)
    throw wrong('--key-separator needs --format lines', 'keySeparator')
  return { format, keySeparator, keyField }
}

function wrong(message: string, option: string): LogError {
  return new LogError('INVALID_REQUEST', message, { option })
}

/** Adds how many records were written, so that nobody sends them twice. */
function withCount(error: unknown, count: number): unknown {
  if (count === 0) return error
  const message = `${error instanceof Error ? error.message : String(error)}; ${counted(count, 'record')} of the input ${count === 1 ? 'was' : 'were'} written`
  if (LogError.is(error)) return new LogError(error.code as never, message, { ...error.details, written: count })
  const { code, syscall, path } = Object(error) as NodeJS.ErrnoException
  return Object.assign(new Error(message), { code, syscall, path })
}
