/**
 * What `--json` prints, line by line: docs/command-line.md has the fields of every command, and no others. A program
 * that calls the command line relies on them.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, open } from '../../bindings/entry/node.ts'
import { batch, commit, IDS, KafkaSource } from '../import/kafka-source.ts'
import { placeDisk } from '../import/place-disk.ts'
import { commandsOf } from './help-text.ts'
import { CommandLine, readByGroups, rows } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

const original = join(cli.home, 'original')
const broker = join(cli.home, 'broker')
const target = join(cli.home, 'target')

test.before(async () => {
  const { key, value } = commit(['g', 'pay', 0], 1)
  const source = new KafkaSource(false)
    .partition('pay-0', IDS[0], batch(0, { values: ['ada'] }), new Uint8Array(99))
    .partition('__consumer_offsets-0', IDS[1], batch(0, { keys: [key], values: [value] }))
  placeDisk(source.disk, broker)
  const log = await open(original)
  await log.admin.createTopic('pay')
  await log.producer().send([
    { topic: 'pay', value: 'plain' },
    { topic: 'pay', value: 'x', headers: { name: 'value' } },
  ])
  await log
    .producer({ transactionalId: 'id' })
    .transaction((transaction) => transaction.send({ topic: 'pay', value: 'x' }))
  await log.admin.createTopic('old', { config: { 'segment.bytes': 1000 } })
  // Segments that no checkpoint has a copy of any more.
  for (let at = 0; at < 12; at++) await log.producer().send({ topic: 'old', value: 'x'.repeat(200) })
  await readByGroups(log)
  await log.close()
})

interface Call {
  readonly words: readonly string[]
  readonly input?: string
  /** Done before, on files as they were. */
  readonly before?: () => void
  /** A program that has the log open meanwhile. */
  readonly beside?: (log: EmbeddedLog) => Promise<void>
}

const calls: Readonly<Record<string, Call>> = {
  'topics list': { words: [] },
  'topics describe': { words: ['pay'] },
  'topics config': { words: ['pay'] },
  'topics create': { words: ['new'] },
  'topics alter': { words: ['pay', '--partitions', '2'] },
  'topics delete-records': { words: ['pay', '--before', 'latest'] },
  'topics delete': { words: ['pay'] },
  produce: { words: ['pay'], input: 'a\n' },
  consume: { words: ['pay'] },
  'groups list': { words: [] },
  'groups describe': { words: ['audit'] },
  'groups reset': { words: ['audit', '--to-latest'] },
  'groups delete': { words: ['audit'] },
  'share-groups list': { words: [] },
  'share-groups describe': { words: ['mailers'] },
  'share-groups reset': { words: ['mailers', '--to-latest'] },
  'share-groups delete': { words: ['mailers'] },
  'transactions list': { words: [] },
  'transactions describe': { words: ['id'] },
  'transactions producers': { words: ['pay'] },
  'transactions abort': {
    words: ['open'],
    async beside(log) {
      const transaction = await log.producer({ transactionalId: 'open' }).beginTransaction()
      await transaction.send({ topic: 'pay', value: 'x' })
    },
  },
  'transactions fence': { words: ['id'] },
  // A file of no partition: the fields that name one are null.
  verify: { words: [], before: () => harm('journal/header', 20) },
  backup: { words: [cli.log, target] },
  import: { words: [broker, target] },
  salvage: { words: [cli.log, target], before: () => harm('old-0/00000000000000000003.log', 100) },
  inspect: { words: [cli.log] },
}

function harm(file: string, at: number): void {
  const path = join(cli.log, file)
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0x55, at, at + 8))
}

/** By command: the fields of each kind of line that the page has. */
const described = new Map<string, string[]>()
for (const [, command = '', cell = ''] of readFileSync('docs/command-line.md', 'utf8').matchAll(
  /^\| `([a-z -]+)` \| (.*) \|$/gm,
)) {
  const parts = cell.split(';').map((part) => Array.from(part.matchAll(/`(\w+)`/g), ([, field = '']) => field))
  // Further fields of the lines before.
  const isMore = cell.includes('; with ')
  const kinds = isMore ? [parts[0] ?? [], parts.flat()] : parts.filter((fields) => fields.length > 0)
  described.set(
    command,
    kinds.map((fields) => fields.join(' ')),
  )
}

test('the page has every command, and no other', () => {
  const all = commandsOf(cli).map(({ words }) => words.join(' '))
  // Those that only hold others print nothing of their own.
  const own = all.filter((command) => command !== '' && !all.some((other) => other.startsWith(`${command} `)))
  assert.equal([...described.keys()].sort(), own.sort())
  assert.equal(Object.keys(calls).sort(), own.sort())
})

for (const [command, { words, input, before, beside }] of Object.entries(calls)) {
  test(`${command} prints the fields that the page has, in their order`, async () => {
    for (const directory of [cli.log, target]) rmSync(directory, { recursive: true, force: true })
    cpSync(original, cli.log, { recursive: true })
    before?.()
    const log = beside === undefined ? undefined : await open(cli.log)
    if (log !== undefined) await beside?.(log)
    const { out, err } = await cli.runBeside([...command.split(' '), ...words, '--json'], input)
    await log?.close()
    const seen = new Set(rows(out).map((line) => Object.keys(line).join(' ')))
    assert.equal([...seen], described.get(command), err)
  })
}

test('an error is one line, with all of its fields', () => {
  for (const words of [['consume', 'none'], ['frobnicate'], ['topics', 'describe']]) {
    const lines = rows(cli.run([...words, '--json']).err)
    assert.equal(
      lines.map((line) => Object.keys(line)),
      [['error', 'category', 'message', 'hint', 'details']],
      words.join(' '),
    )
  }
})

test.run()
