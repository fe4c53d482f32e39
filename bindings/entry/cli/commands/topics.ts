import type { Command } from 'commander'
import type { Log } from '../../../client/log.ts'
import { assertUserTopicName } from '../../../model/names.ts'
import { effectiveConfig, type TopicConfig } from '../../../model/topic-config.ts'
import { type ErrorDetails, LogError, type RecordsToDelete } from '../../node.ts'
import { countFrom, repeated, wholeName } from '../arguments.ts'
import { defaultList } from '../default-list.ts'
import { below } from '../help.ts'
import { withImage, withLog, withNewLog } from '../open.ts'
import { counted, type Outcome, print, say } from '../output.ts'
import { type CommandCall, run } from '../run.ts'

const EVERYTHING = -1

export function addTopics(program: Command): void {
  const topics = program.command('topics').description('list, describe, create, alter and delete topics')
  defaultList(topics)
    .description('list all topics; writes nothing, works while a program has the log open')
    .option('--topic <pattern>', 'only those whose whole name this regular expression matches', wholeName)
    .action(run(listTopics))
  topics
    .command('describe <name>')
    .description('show start and end of every partition; writes nothing, works while a program has the log open')
    .addHelpText(
      'after',
      below('With --json the first line is the topic with its config, each further line a partition.'),
    )
    .action(run(describeTopic))
  topics
    .command('config <name>')
    .description('show each key of the config, its value, and whether the topic sets it or it is the default')
    .action(run(showConfig))
  topics
    .command('create <name>')
    .description('create a topic, and the directory if there is none')
    .option('--partitions <count>', 'how many partitions', countFrom(1), 1)
    .option('--config <key=value>', "one of Kafka's config keys (docs/topic-config.md); may be repeated", repeated)
    .option('--if-not-exists', 'leave an existing topic as it is')
    .addHelpText(
      'after',
      below(`
Example:
  oncelog topics create payments --partitions 4 --config segment.bytes=16777216`),
    )
    .action(run(createTopic))
  topics
    .command('alter <name>')
    .description('add partitions, or change the config')
    .option('--partitions <count>', 'the new total', countFrom(1))
    .option(
      '--config <key=value>',
      "one of Kafka's config keys (docs/topic-config.md), key= puts it back to its default; may be repeated",
      repeated,
    )
    .action(run(alterTopic))
  addDeleteRecords(topics)
  topics
    .command('delete <name>')
    .description('delete the topic with its records and committed offsets')
    .action(run(deleteTopic))
}

function addDeleteRecords(topics: Command): void {
  topics
    .command('delete-records <name...>')
    .description('delete the records before an offset, in every partition or in some')
    .requiredOption('--before <offset>', 'the first offset that stays, or latest for all that is visible', beforeOffset)
    .option('--partitions <numbers>', 'only these of each topic, as 0,2', numbers)
    .addHelpText(
      'after',
      below(`
If one of the partitions ends before the offset, nothing is deleted and the error names it: --partitions leaves it out.
Several topics are one deletion: of all of them, or of none.

Examples:
  oncelog topics delete-records payments --before 1200 --partitions 0
  oncelog topics delete-records payments refunds --before latest`),
    )
    .action(run(deleteRecords))
}

function beforeOffset(text: string): number {
  return text === 'latest' ? EVERYTHING : countFrom(0)(text)
}

function numbers(text: string): number[] {
  return [...new Set(text.split(',').map(countFrom(0)))]
}

function listTopics(call: CommandCall): Promise<void> {
  return withImage(call, async ({ admin }) => {
    const pattern = call.options['topic'] as RegExp | undefined
    const names = (await admin.listTopics()).filter((name) => pattern?.test(name) ?? true)
    const found = await Promise.all(names.map((name) => admin.describeTopic(name)))
    const rows = found.map((each) => ({ ...each }))
    print(rows, call.isJson, 'no topics')
  })
}

function describeTopic(call: CommandCall): Promise<void> {
  const [name = ''] = call.args
  return withImage(call, async ({ admin }) => {
    const { partitions, topicId, config } = await admin.describeTopic(name)
    const places = Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition }))
    const offsets = await admin.offsets(places)
    const heading = `${name}, topic id ${topicId}, config ${JSON.stringify(config)}`
    say(heading, { name, topicId, partitions, config }, call.isJson)
    const rows = offsets.map(({ topic, partition, logStartOffset, highWatermark }) => {
      return { topic, partition, logStartOffset, nextOffset: highWatermark }
    })
    print(rows, call.isJson)
  })
}

/** Kafka's words for where a value comes from. */
const SOURCES = { topic: 'DYNAMIC_TOPIC_CONFIG', default: 'DEFAULT_CONFIG' } as const

function showConfig(call: CommandCall): Promise<void> {
  const [topic = ''] = call.args
  return withImage(call, async ({ admin }) => {
    assertUserTopicName(topic)
    const { config } = await admin.describeTopic(topic)
    const rows = effectiveConfig(config).map(({ key, value, isDefault }) => {
      return { topic, key, value: String(value), source: isDefault ? SOURCES.default : SOURCES.topic }
    })
    print(rows, call.isJson)
  })
}

function createTopic(call: CommandCall): Promise<Outcome> {
  const { isJson, options } = call
  const [name = ''] = call.args
  const partitions = options['partitions'] as number
  const config = configOf(options['config'])
  return withNewLog(call, async (log) => {
    const isCreated = await create(log, name, { partitions, config }, options['ifNotExists'] === true)
    const count = isCreated ? partitions : (await log.admin.describeTopic(name)).partitions
    const sentence = `${isCreated ? 'created' : 'found'} ${name} with ${counted(count, 'partition')}`
    return say(sentence, { topic: name, created: isCreated, partitions: count }, isJson)
  })
}

/** False if the topic exists already, which `mayExist` allows. */
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

function alterTopic(call: CommandCall): Promise<Outcome> {
  const [name = ''] = call.args
  return withLog(call, async ({ admin }) => {
    const partitions = call.options['partitions'] as number | undefined
    const changes = Object.entries(configOf(call.options['config'])).map(([key, value]) => {
      return [key, value === '' ? null : value]
    })
    if (partitions === undefined && changes.length === 0)
      throw wrong('what to alter: --partitions or --config', { argument: 'what' })
    // Partitions can't be removed again, so they come last: after a refused config the whole command can be repeated.
    if (changes.length > 0) await admin.alterConfig(name, Object.fromEntries(changes))
    if (partitions !== undefined) await admin.createPartitions(name, partitions)
    return say(`altered ${name}`, { topic: name, altered: true }, call.isJson)
  })
}

function deleteTopic(call: CommandCall): Promise<Outcome> {
  const [name = ''] = call.args
  return withLog(call, async ({ admin }) => {
    await admin.deleteTopic(name)
    return say(`deleted ${name}`, { topic: name, deleted: true }, call.isJson)
  })
}

function deleteRecords(call: CommandCall): Promise<Outcome> {
  const { options } = call
  const topics = [...new Set(call.args)]
  return withLog(call, async ({ admin }) => {
    const beforeOffset = options['before'] as number
    const wanted: RecordsToDelete[] = []
    for (const topic of topics) {
      const { partitions } = await admin.describeTopic(topic)
      const all = Array.from({ length: partitions }, (_, partition) => partition)
      const some = (options['partitions'] as number[] | undefined) ?? all
      wanted.push(...some.map((partition) => ({ topic, partition, beforeOffset })))
    }
    const begins = await admin.deleteRecords(wanted)
    const rows = begins.map(({ lowWatermark, ...place }) => ({ ...place, logStartOffset: lowWatermark }))
    print(rows, call.isJson)
    return { sentence: `deleted records of ${topics.join(', ')}`, facts: { topics, partitions: rows } }
  })
}

function configOf(pairs: unknown): TopicConfig {
  const entries = ((pairs as readonly string[] | undefined) ?? []).map((pair) => {
    const at = pair.indexOf('=')
    if (at < 0) throw wrong(`--config takes key=value; ${JSON.stringify(pair)} has no =`, { option: 'config' })
    return [pair.slice(0, at), pair.slice(at + 1)]
  })
  return Object.fromEntries(entries) as TopicConfig
}

function wrong(message: string, details: ErrorDetails): LogError {
  return new LogError('INVALID_REQUEST', message, details)
}
