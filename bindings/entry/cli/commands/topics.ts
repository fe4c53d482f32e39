import type { Command } from 'commander'
import type { Log } from '../../../client/log.ts'
import type { TopicConfig } from '../../../model/topic-config.ts'
import { LogError, open } from '../../node.ts'
import { countFrom } from '../arguments.ts'
import { below } from '../help.ts'
import { withImage, withLog } from '../open.ts'
import { counted, print, say } from '../output.ts'
import { run } from '../run.ts'

const EVERYTHING = -1

export function addTopics(program: Command): void {
  const topics = program.command('topics').description('list, describe, create, alter and delete topics')
  topics
    .command('list', { isDefault: true })
    .description('all topics of the directory; writes nothing, works beside a holder')
    .action(
      run(({ directory, isJson }) =>
        withImage({ directory, isJson }, async (log) => {
          const names = await log.admin.listTopics()
          const found = await Promise.all(names.map((name) => log.admin.describeTopic(name)))
          print(
            found.map((each) => ({ ...each })),
            isJson,
            'no topics',
          )
        }),
      ),
    )
  topics
    .command('describe <name>')
    .description('start and end of every partition; writes nothing, works beside a holder')
    .action(
      run(({ directory, isJson, args: [name = ''] }) =>
        withImage({ directory, isJson }, (log) => describe(log, name, isJson)),
      ),
    )
  addChanges(topics)
}

function addChanges(topics: Command): void {
  topics
    .command('create <name>')
    .description('a new topic; makes the directory if there is none')
    .option('--partitions <count>', 'how many partitions', countFrom(1), 1)
    .option('--config <key=value...>', "Kafka's config keys")
    .option('--if-not-exists', 'a topic of that name that is there stays as it is')
    .addHelpText(
      'after',
      below(`
Example:
  oncelog topics create payments --partitions 4 --config segment.bytes=16777216`),
    )
    .action(
      run(async ({ directory, isJson, args: [name = ''], options }) => {
        const partitions = options['partitions'] as number
        const config = configOf(options['config'])
        const log = await open(directory)
        try {
          const isCreated = await create(log, name, { partitions, config }, options['ifNotExists'] === true)
          const count = isCreated ? partitions : (await log.admin.describeTopic(name)).partitions
          say(
            `${isCreated ? 'created' : 'found'} ${name} with ${counted(count, 'partition')}`,
            { topic: name, created: isCreated, partitions: count },
            isJson,
          )
        } finally {
          await log.close()
        }
      }),
    )
  topics
    .command('alter <name>')
    .description('more partitions or another config')
    .option('--partitions <count>', 'the new total', countFrom(1))
    .option('--config <key=value...>', "Kafka's config keys; key= puts one back to its default")
    .action(
      run(({ directory, isJson, args: [name = ''], options }) =>
        withLog({ directory, isJson }, async (log) => {
          const partitions = options['partitions'] as number | undefined
          const changes = Object.entries(configOf(options['config'])).map(([key, value]) => [
            key,
            value === '' ? null : value,
          ])
          if (partitions === undefined && changes.length === 0) throw wrong('what to alter: --partitions or --config')
          // Partitions last: a config that is refused, or was set, can be given again, and they can't be taken away.
          if (changes.length > 0) await log.admin.alterConfig(name, Object.fromEntries(changes))
          if (partitions !== undefined) await log.admin.createPartitions(name, partitions)
          say(`altered ${name}`, { topic: name, altered: true }, isJson)
        }),
      ),
    )
  addDeleteRecords(topics)
  topics
    .command('delete <name>')
    .description('the topic with its records and committed offsets')
    .action(
      run(({ directory, isJson, args: [name = ''] }) =>
        withLog({ directory, isJson }, async (log) => {
          await log.admin.deleteTopic(name)
          say(`deleted ${name}`, { topic: name, deleted: true }, isJson)
        }),
      ),
    )
}

/** False: the topic is there already, and may be. */
async function create(
  log: Log,
  name: string,
  wanted: NonNullable<Parameters<Log['admin']['createTopic']>[1]>,
  mayExist: boolean,
): Promise<boolean> {
  try {
    await log.admin.createTopic(name, wanted)
    return true
  } catch (error) {
    if (mayExist && LogError.is(error, 'TOPIC_ALREADY_EXISTS')) return false
    throw error
  }
}

function addDeleteRecords(topics: Command): void {
  topics
    .command('delete-records <name>')
    .description('records before an offset, in every partition or in those named')
    .requiredOption('--before <offset>', 'the first offset that stays, or latest for all that is visible', beforeOffset)
    .option('--partitions <numbers>', 'only these, as 0,2', numbers)
    .addHelpText(
      'after',
      below(`
Example:
  oncelog topics delete-records payments --before 1200 --partitions 0`),
    )
    .action(
      run(({ directory, isJson, args: [name = ''], options }) =>
        withLog({ directory, isJson }, async (log) => {
          const count = (await log.admin.describeTopic(name)).partitions
          const all = Array.from({ length: count }, (_, partition) => partition)
          const wanted = (options['partitions'] as number[] | undefined) ?? all
          const before = options['before'] as number
          const records = wanted.map((partition) => ({ topic: name, partition, beforeOffset: before }))
          const begins = await log.admin.deleteRecords(records)
          print(
            begins.map(({ topic, partition, lowWatermark }) => ({ topic, partition, logStartOffset: lowWatermark })),
            isJson,
          )
        }),
      ),
    )
}

function beforeOffset(text: string): number {
  return text === 'latest' ? EVERYTHING : countFrom(0)(text)
}

function numbers(text: string): number[] {
  return text.split(',').map(countFrom(0))
}

async function describe(log: Log, name: string, isJson: boolean): Promise<void> {
  const { partitions, topicId, config } = await log.admin.describeTopic(name)
  const places = Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition }))
  const offsets = await log.admin.offsets(places)
  if (!isJson) say(`${name}, topic id ${topicId}, config ${JSON.stringify(config)}`, {}, false)
  print(
    offsets.map(({ topic, partition, logStartOffset, highWatermark }) => ({
      topic,
      partition,
      logStartOffset,
      nextOffset: highWatermark,
    })),
    isJson,
  )
}

function configOf(pairs: unknown): TopicConfig {
  const entries = ((pairs as string[] | undefined) ?? []).map((pair) => {
    const at = pair.indexOf('=')
    if (at < 0) throw wrong(`--config takes key=value; ${JSON.stringify(pair)} has no =`)
    return [pair.slice(0, at), pair.slice(at + 1)]
  })
  return Object.fromEntries(entries) as TopicConfig
}

function wrong(message: string): LogError {
  return new LogError('INVALID_REQUEST', message)
}
