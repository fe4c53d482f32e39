import type { Command } from 'commander'
import type { TopicConfig } from '../../model/topic-config.ts'
import { open } from '../node.ts'
import { print } from './output.ts'
import type { Run } from './run.ts'

export function addTopics(program: Command, run: Run): void {
  const topics = program.command('topics').description('create, delete, list and change topics')
  topics
    .command('list', { isDefault: true })
    .description('all topics of the directory')
    .action(
      run(async ({ directory, isJson }) => {
        const log = await open(directory)
        try {
          const names = await log.admin.listTopics()
          const rows = await Promise.all(names.map((name) => log.admin.describeTopic(name)))
          print(
            rows.map((row) => ({ ...row })),
            isJson,
          )
        } finally {
          await log.close()
        }
      }),
    )
  topics
    .command('create <name>')
    .description('a new topic')
    .option('--partitions <count>', 'how many partitions', Number, 1)
    .option('--config <key=value...>', "Kafka's config keys")
    .action(
      run(async ({ directory, args: [name = ''], options }) => {
        const log = await open(directory)
        try {
          const partitions = options['partitions'] as number
          await log.admin.createTopic(name, { partitions, config: configOf(options['config']) })
          console.log(`created ${name} with ${partitions} partition${partitions === 1 ? '' : 's'}`)
        } finally {
          await log.close()
        }
      }),
    )
  topics
    .command('delete <name>')
    .description('the topic with its records and committed offsets')
    .action(
      run(async ({ directory, args: [name = ''] }) => {
        const log = await open(directory)
        try {
          await log.admin.deleteTopic(name)
          console.log(`deleted ${name}`)
        } finally {
          await log.close()
        }
      }),
    )
  topics
    .command('alter <name>')
    .description('more partitions or another config')
    .option('--partitions <count>', 'the new total', Number)
    .option('--config <key=value...>', "Kafka's config keys; key= puts one back to its default")
    .action(
      run(async ({ directory, args: [name = ''], options }) => {
        const log = await open(directory)
        try {
          if (options['partitions'] !== undefined)
            await log.admin.createPartitions(name, options['partitions'] as number)
          const changes = Object.entries(configOf(options['config']))
          if (changes.length > 0) {
            await log.admin.alterConfig(
              name,
              Object.fromEntries(changes.map(([key, value]) => [key, value === '' ? null : value])),
            )
          }
          console.log(`altered ${name}`)
        } finally {
          await log.close()
        }
      }),
    )
}

function configOf(pairs: unknown): TopicConfig {
  const entries = ((pairs as string[] | undefined) ?? []).map((pair) => {
    const at = pair.indexOf('=')
    return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
  })
  return Object.fromEntries(entries) as TopicConfig
}
