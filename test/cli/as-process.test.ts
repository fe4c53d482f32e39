/**
 * Most tests run the command line in a thread (`thread/`). Here every command runs in a process too, on the same files:
 * exit code, output and errors are the same, and each process ends by itself.
 */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { batch, IDS, KafkaSource } from '../import/kafka-source.ts'
import { placeDisk } from '../import/place-disk.ts'
import { commandsOf } from './help-text.ts'
import { CommandLine, readByGroups, type Said } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

const original = join(cli.home, 'original')
const broker = join(cli.home, 'broker')
const target = join(cli.home, 'target')

test.before(async () => {
  placeDisk(new KafkaSource(true).partition('pay-0', IDS[0], batch(0, { values: ['ada'] })).disk, broker)
  const log = await open(original)
  await log.admin.createTopic('pay', { partitions: 2 })
  await log.producer().send([1, 2, 3].map((at) => ({ topic: 'pay', partition: at % 2, value: `\u001b${at}` })))
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  await transaction.send({ topic: 'pay', value: 'ended' })
  await transaction.commit()
  await readByGroups(log)
  await log.close()
})

interface Call {
  readonly words: readonly string[]
  readonly status: 0 | 1 | 2
  readonly input?: string
}

const done = (...words: string[]): Call => ({ words, status: 0 })
const refused = (...words: string[]): Call => ({ words, status: 2 })

const calls: readonly Call[] = [
  done('--help'),
  done('--version'),
  refused('--json', 'nothing'),
  refused('topics', 'describe'),
  ...[done('topics'), done('topics', 'list', '--json'), done('topics', 'describe', 'pay', '--json')],
  done('topics', 'config', 'pay'),
  ...[done('topics', 'create', 'new'), done('topics', 'alter', 'pay', '--partitions', '3')],
  ...[done('topics', 'delete', 'pay'), done('topics', 'delete-records', 'pay', '--before', 'latest')],
  { ...done('produce', 'pay', '--json'), input: 'a\nb' },
  { ...refused('produce', 'none'), input: 'a\n' },
  ...[done('consume', 'pay'), done('consume', 'pay', '--group', 'audit', '--json')],
  ...[done('groups', 'list'), done('groups', 'describe', 'audit'), refused('groups', 'describe', 'none', '--json')],
  ...[done('groups', 'reset', 'audit', '--to-earliest'), done('groups', 'delete', 'audit')],
  ...[done('share-groups', 'list'), done('share-groups', 'describe', 'mailers')],
  ...[done('share-groups', 'reset', 'mailers', '--to-latest'), done('share-groups', 'delete', 'mailers')],
  ...[done('transactions', 'list'), done('transactions', 'describe', 'id'), done('transactions', 'producers', 'pay')],
  ...[refused('transactions', 'abort', 'id'), done('transactions', 'fence', 'id')],
  ...[done('inspect', join(cli.log, 'pay-0')), done('verify'), done('backup', cli.log, target)],
  ...[done('import', broker, target), done('salvage', cli.log, target)],
]

/** On files as they were. */
function afresh(run: () => Said): Said {
  for (const directory of [cli.log, target]) rmSync(directory, { recursive: true, force: true })
  cpSync(original, cli.log, { recursive: true, preserveTimestamps: true })
  return run()
}

for (const { words, status, input } of calls) {
  test(`${words.join(' ').replaceAll(cli.home, '')} says the same in a process`, () => {
    const inProcess = afresh(() => cli.runProcess(words, input))
    assert.is(inProcess.status, status, inProcess.err)
    const inThread = afresh(() => cli.run(words, input))
    assert.equal(inThread, inProcess)
  })
}

test('every command is among them', () => {
  const missing = commandsOf(cli).filter(
    ({ words }) => !calls.some((call) => words.every((word, at) => call.words[at] === word)),
  )
  assert.equal(
    missing.map(({ words }) => words.join(' ')),
    [],
  )
})

test.run()
