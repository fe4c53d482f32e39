/**
 * Commands that only read, over a log in every state and over what is none: the directory is as it was afterwards, down
 * to the times of its files, each line is JSON, and the exit code that of the error's category.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { CommandLine, readByGroups, rows } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

const segment = join(cli.log, 'pay-0/00000000000000000000.log')
const target = join(cli.home, 'target')
const commands: readonly (readonly string[])[] = [
  ...[['topics'], ['topics', 'describe', 'pay'], ['topics', 'config', 'pay'], ['consume', 'pay']],
  ...[['groups'], ['groups', 'describe', 'audit'], ['share-groups'], ['share-groups', 'describe', 'mailers']],
  ...[['transactions'], ['transactions', 'describe', 'id'], ['transactions', 'producers', 'pay']],
  ...[['verify'], ['inspect', cli.log], ['inspect', segment], ['salvage', cli.log, target]],
  ['import', cli.log, target],
]

const killed = new DirectoryImage()
const log = await openLog(killed, nodePort)
await log.admin.createTopic('pay', { partitions: 2 })
await log.producer().send(['a', 'b', 'c'].map((value) => ({ topic: 'pay', partition: 0, value })))
await log
  .producer({ transactionalId: 'id' })
  .transaction((transaction) => transaction.send({ topic: 'pay', partition: 1, value: 'd' }))
await readByGroups(log)
const asKilled = killed.fork()
await log.close()
const closed = killed

const change = (path: string, how: (bytes: Buffer) => Buffer) => writeFileSync(path, how(readFileSync(path)))
const flipped = (bytes: Buffer) => Buffer.from(bytes.map((byte, at) => (at === 70 ? byte ^ 1 : byte)))

/** What the commands meet, and the exit codes that they may have there. */
const states: Readonly<Record<string, { readonly make: () => void; readonly codes: readonly number[] }>> = {
  'a log that was closed': { make: () => closed.writeTo(cli.log), codes: [0] },
  'a log whose process was killed': { make: () => asKilled.writeTo(cli.log), codes: [0] },
  'a log with a damaged segment': {
    make() {
      closed.writeTo(cli.log)
      change(segment, flipped)
    },
    codes: [0, 1],
  },
  'a log without its header': {
    make() {
      closed.writeTo(cli.log)
      rmSync(join(cli.log, 'journal/header'))
    },
    codes: [0, 1],
  },
  'a log with a damaged catalogue': {
    make() {
      closed.writeTo(cli.log)
      change(join(cli.log, '__oncelog_catalogue-0/00000000000000000000.log'), flipped)
    },
    codes: [0, 1],
  },
  'no directory': { make: () => {}, codes: [2] },
  'an empty directory': { make: () => mkdirSync(cli.log), codes: [0, 2] },
  'a file': { make: () => writeFileSync(cli.log, 'mine'), codes: [1, 2] },
  'a link to itself': { make: () => symlinkSync(cli.log, cli.log), codes: [1, 2] },
  'a pipe': { make: () => void execFileSync('mkfifo', [cli.log]), codes: [1, 2] },
}

/** Every file and directory, with its times and content. */
function treeOf(path: string): string[] {
  const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  if (stats === undefined) return []
  const content = stats.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : ''
  const below = stats.isDirectory() ? readdirSync(path).sort() : []
  return [`${path} ${stats.mode} ${stats.mtimeNs} ${content}`, ...below.flatMap((name) => treeOf(join(path, name)))]
}

for (const [name, { make, codes }] of Object.entries(states)) {
  test(name, () => {
    rmSync(cli.log, { recursive: true, force: true })
    make()
    const before = treeOf(cli.log)
    for (const words of commands) {
      const { status, out, err } = cli.run([...words, '--json'])
      const what = `${words.join(' ')}: ${out}${err}`
      // A log of ours is no broker's.
      if (words[0] !== 'import') assert.ok(codes.includes(status ?? -1), what)
      assert.ok(rows(out).length > 0 || err !== '' || status === 0, what)
      const errors = rows(err).filter((line) => 'error' in line)
      assert.ok(errors.length < 2, what)
      for (const { category } of errors) assert.is(status, category === 'misuse' ? 2 : 1, what)
      rmSync(target, { recursive: true, force: true })
    }
    assert.equal(treeOf(cli.log), before)
  })
}

test.run()
