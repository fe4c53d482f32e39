/**
 * Every example of every `--help` is run as it stands by a shell, in a directory that has what the examples speak of,
 * and ends well. Only the beginning of paths outside of that directory, such as `/backups`, is another one here.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Log, open } from '../../bindings/entry/node.ts'
import { take } from '../client/support.ts'
import { batch, IDS, KafkaSource } from '../import/kafka-source.ts'
import { placeDisk } from '../import/place-disk.ts'
import { commandsOf } from './help-text.ts'
import { CommandLine, ended, type Said } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

const programs = join(cli.home, 'bin')
const directory = join(cli.home, 'here')
const bundle = resolve(cli.words([])[0] ?? '')

function examplesOf(text: string): string[] {
  const part =
    text
      .split(/^Examples?:$/m)[1]
      ?.replace(/^\n/, '')
      .split('\n\n')[0] ?? ''
  return part.split('\n').flatMap((line) => (line.startsWith('  ') ? [line.trim()] : []))
}

/** Words that a shell hands on as they stand: they need none. */
const PLAIN = /^oncelog( [\w.,:/=-]+)+$/

/** What the examples speak of, in `here`; programs that aren't ours do as little as can be. */
test.before(async () => {
  mkdirSync(programs)
  const program = (name: string, script: string) =>
    writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  program('oncelog', `exec "${process.execPath}" "${bundle}" "$@"`)
  program('jq', 'exec cat')
  program('alert', 'exit 3')

  mkdirSync(directory)
  writeFileSync(join(directory, 'flights.ndjson.gz'), gzipSync('{"origin":"ORD","delay":7}\n'))
  writeFileSync(join(directory, 'retail.csv.gz'), gzipSync('CustomerID,Quantity\n17850,6\n'))
  const source = new KafkaSource(true).partition('payments-0', IDS[0], batch(0, { values: ['ada'] }))
  source.partition('refunds-0', IDS[2], batch(0, { values: ['eve'] }))
  placeDisk(source.disk, join(directory, 'kafka/data'))

  const log = await open(join(directory, 'data'))
  for (const topic of ['payments', 'refunds', 'flights', 'retail'])
    await log.admin.createTopic(topic, { partitions: 4 })
  await log.producer().send(Array.from({ length: 1201 }, () => ({ topic: 'payments', partition: 0, value: '10' })))
  const consumer = log.consumer({ groupId: 'audit', topics: ['payments'] })
  const [record] = await take(consumer, 1)
  if (record !== undefined) await consumer.commit(record)
  await consumer.close()
  for (const groupId of ['mailers', 'audit']) {
    const work = log.shareConsumer({ groupId, topics: ['payments'] })
    for await (const each of work) {
      await work.acknowledge(each, 'accept')
      break
    }
    await work.close()
  }
  await log.close()
})

/** A program that has begun a transaction, which nobody else's directory has: a close ends what is open. */
async function settling(path: string): Promise<Log> {
  const log = await open(path)
  const transaction = await log.producer({ transactionalId: 'settle-1' }).beginTransaction()
  await transaction.send({ topic: 'payments', partition: 1, value: 'open' })
  return log
}

const examples = commandsOf(cli).map(({ words, text }) => ({
  name: ['oncelog', ...words].join(' '),
  lines: examplesOf(text),
}))

test('the examples are found', () => {
  const counts = new Map(examples.map(({ name, lines }) => [name, lines.length]))
  assert.ok(
    (counts.get('oncelog') ?? 0) > 5 && (counts.get('oncelog groups reset') ?? 0) > 2,
    JSON.stringify([...counts]),
  )
})

const seen = new Set<string>()
for (const { name, lines } of examples) {
  for (const line of lines) {
    if (seen.has(line)) continue
    seen.add(line)
    test(`${name} --help: ${line}`, async () => {
      const changes = /topics (create|alter|delete)|import|salvage/.test(line)
      const place = changes ? join(cli.home, 'scratch') : directory
      if (changes) cpSync(directory, place, { recursive: true })
      try {
        const run = async (text: string): Promise<Said> => {
          if (PLAIN.test(text)) return cli.runIn(place, text.split(' ').slice(1))
          const env = { ...process.env, PATH: `${programs}:${process.env['PATH']}`, ONCELOG_DIR: undefined }
          return ended(spawn('sh', ['-c', text], { cwd: place, env, stdio: ['ignore', 'pipe', 'pipe'] }))
        }
        if (line.includes('topics create payments')) assert.is((await run('oncelog topics delete payments')).status, 0)
        if (line.startsWith('oncelog import')) rmSync(join(place, 'data'), { recursive: true })
        mkdirSync(join(place, 'backups'), { recursive: true })
        const text = line.replaceAll('/var/lib/', `${place}/`).replaceAll('/backups', `${place}/backups`)
        const holder = line.includes('transactions abort settle-1') ? await settling(join(place, 'data')) : undefined
        const { status, out, err } = await run(text)
        await holder?.close()
        assert.is(status, 0, `${out}\n${err}`)
      } finally {
        rmSync(changes ? place : join(place, 'backups'), { recursive: true })
      }
    })
  }
}

test.run()
