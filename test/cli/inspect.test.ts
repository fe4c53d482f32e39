// `inspect` of what isn't as it seems: a directory that changes, links, a segment whose checksums hold and whose records
// can't be read all the same.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { directoryRows } from '../../bindings/entry/cli/inspect/directory-rows.ts'
import { altered, batch } from '../import/kafka-source.ts'
import { CommandLine, rows } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

test('--contents tells a batch that is not what it says, and exits with 1; it was passed over in silence', () => {
  const directory = join(cli.home, 'pay-0')
  const path = join(directory, '00000000000000000000.log')
  const first = batch(0, { values: ['ada'] })
  // It says that it is gzip.
  const second = altered(batch(1, { values: ['bob'] }), (view) => view.setInt16(21, 1))
  const third = batch(2, { values: ['eve'] })
  mkdirSync(directory)
  writeFileSync(path, Buffer.concat([first, second, third]))
  const { status, out, err } = cli.run(['inspect', path, '--contents', '--json'])
  const [ada, spoilt, eve, ...others] = rows(out)
  assert.equal([ada?.['value'], eve?.['value'], others], ['ada', 'eve', []])
  const place = { position: first.length, fault: 'bad-compression' }
  assert.equal({ position: spoilt?.['position'], fault: spoilt?.['fault'] }, place)
  assert.is(status, 1)
  assert.equal(rows(err), [{ damage: { file: path, position: first.length, code: 'bad-compression' } }])
})

test('a directory whose files go while it is listed: the others are shown; it ended with the error of a missing file', () => {
  const directory = join(cli.home, 'changing')
  for (const name of ['a', 'b', 'c', 'd']) {
    mkdirSync(join(directory, name), { recursive: true })
    for (const file of ['1', '2']) writeFileSync(join(directory, name, file), name)
  }
  const listed = directoryRows(directory)
  const first = listed.next().value
  rmSync(join(directory, 'a/2'))
  rmSync(join(directory, 'b'), { recursive: true })
  rmSync(join(directory, 'c'), { recursive: true })
  writeFileSync(join(directory, 'c'), 'a file now')
  const files = [first, ...listed].map((row) => row?.['file'])
  assert.equal(files, ['a/1', 'c', 'd/1', 'd/2'])
})

test('a torn frame among whole ones is told with its place', () => {
  cli.run(['topics', 'create', 'torn'])
  cli.run(['produce', 'torn'], 'a\nb')
  const path = join(cli.log, 'journal/00000000.ring')
  const frames = rows(cli.run(['inspect', path, '--json']).out)
  assert.ok(frames.length > 2, JSON.stringify(frames))
  const { position } = frames[1] as { position: number }
  const bytes = readFileSync(path)
  const kept = Buffer.from(bytes)
  bytes[position + 64] = (bytes[position + 64] as number) ^ 1
  writeFileSync(path, bytes)
  const { status, out } = cli.run(['inspect', path, '--json'])
  const told = rows(out)
  assert.equal([told[0], ...told.slice(2)], [frames[0], ...frames.slice(2)])
  assert.is(told[1]?.['position'], position)
  assert.match(`${told[1]?.['fault']}`, /^a frame that is not whole: torn/)
  assert.is(status, 1)
  assert.match(cli.run(['inspect', path]).out, /not whole/)
  writeFileSync(path, kept)
})

test('a ring file without a frame of the log is told as such, unless it was never written to; it had no entries', () => {
  cli.run(['topics', 'create', 'pay'])
  const path = join(cli.log, 'journal/00000000.ring')
  const whole = readFileSync(path)
  writeFileSync(path, Buffer.alloc(whole.length, 7))
  const { status, out, err } = cli.run(['inspect', path, '--json'])
  assert.equal(rows(out), [{ position: 0, fault: 'what stands here is no frame of this log' }])
  assert.is(status, 1, err)
  writeFileSync(path, Buffer.alloc(whole.length))
  const empty = cli.run(['inspect', path])
  assert.equal([empty.status, empty.out.trim()], [0, 'no entries'], empty.err)
})

test('a link, and an empty name, are told as such', () => {
  writeFileSync(join(cli.home, 'plain.log'), '')
  symlinkSync('plain.log', join(cli.home, 'linked.log'))
  const { status, err } = cli.run(['inspect', join(cli.home, 'linked.log')])
  assert.is(status, 1)
  assert.match(err, /can't read .*linked\.log: it is a symbolic link, which a log never follows/)
  assert.match(cli.run(['inspect', '']).err, /there is no file or directory ""/)
})

test("a path that the system doesn't look at is told as by the other commands; it was FAILED, with the system's words", () => {
  symlinkSync('itself', join(cli.home, 'itself'))
  const { status, err } = cli.run(['inspect', join(cli.home, 'itself'), '--json'])
  assert.is(status, 1)
  const [said] = rows(err)
  assert.is(said?.['error'], 'KAFKA_STORAGE_ERROR')
  assert.equal(said?.['details'], { file: 'itself', directory: cli.home, operation: 'open', errno: 'ELOOP' })
})

test.run()
