/** `oncelog salvage`: what it prints and how it exits, what it refuses, and that the source stays as it is. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError, open, salvage } from '../../bindings/entry/node.ts'
import { CommandLine, rows } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())
let count = 0
const fresh = () => join(cli.home, `copy-${count++}`)

async function written(directory: string): Promise<void> {
  const log = await open(directory)
  await log.admin.createTopic('pay', { config: { 'segment.bytes': 1000 } })
  await log.admin.createTopic('other')
  const producer = log.producer()
  for (let index = 0; index < 12; index++) await producer.send({ topic: 'pay', value: `${index}`.padEnd(200) })
  await producer.send({ topic: 'other', value: 'one' })
  await log.close()
}

function flip(file: string, position: number): void {
  const bytes = readFileSync(file)
  bytes[position] = (bytes[position] ?? 0) ^ 1
  writeFileSync(file, bytes)
}

function digestOf(directory: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(directory, { recursive: true }).map(String).sort()) {
    const path = join(directory, name)
    hash.update(`${name} ${statSync(path).mtimeMs}`)
    if (statSync(path).isFile()) hash.update(readFileSync(path))
  }
  return hash.digest('hex')
}

async function values(directory: string): Promise<string[]> {
  const log = await open(directory)
  const all: string[] = []
  for await (const { offset, value } of log.read('pay', { until: 'end' }))
    all.push(`${offset}=${`${Buffer.from(value ?? [])}`.trim()}`)
  await log.close()
  return all
}

test('a whole log: nothing was lost, exit code 0, the same records', async () => {
  await written(cli.log)
  const before = digestOf(cli.log)
  const target = fresh()
  const said = cli.run(['salvage', cli.log, target])
  assert.is(said.status, 0, said.err)
  assert.match(said.out, /nothing was lost/)
  assert.is(digestOf(cli.log), before, 'the source is as it was')
  assert.equal(await values(target), await values(cli.log))
})

test('a damaged one: exit code 1, and a line for what is lost; the copy takes records, and verify is content', async () => {
  flip(join(cli.log, 'pay-0/00000000000000000003.log'), 100)
  const target = fresh()
  const said = cli.run(['salvage', cli.log, target, '--json'])
  assert.is(said.status, 1, said.err)
  const [counts, ...losses] = rows(said.out)
  assert.is(counts?.['losses'], 1)
  const place = { topic: 'pay', partition: 0, offset: 3, nextOffset: 4 }
  const damage = { kind: 'missing', file: 'pay-0/00000000000000000003.log', position: 0, code: 'bad-crc' }
  assert.equal(losses, [{ ...place, ...damage }])
  assert.is(cli.run(['verify', target]).status, 0)
  const expected = Array.from({ length: 12 }, (_, index) => `${index}=${index}`).filter((each) => each !== '3=3')
  assert.equal(await values(target), expected)
  const log = await open(target)
  assert.is((await log.producer().send({ topic: 'pay', value: 'new' })).offset, 12)
  await log.close()
  assert.match(cli.run(['salvage', cli.log, fresh()]).out, /pay.*missing.*bad-crc/)
})

test('the calls that are refused: exit code 2, and nothing is left behind', async () => {
  const full = fresh()
  mkdirSync(full)
  writeFileSync(join(full, 'mine'), 'mine')
  const notEmpty = cli.run(['salvage', cli.log, full, '--json'])
  assert.equal([notEmpty.status, rows(notEmpty.err)[0]?.['error']], [2, 'INVALID_REQUEST'])
  assert.equal(readdirSync(full), ['mine'])
  const inside = cli.run(['salvage', cli.log, join(cli.log, 'copy'), '--json'])
  assert.equal([inside.status, rows(inside.err)[0]?.['error']], [2, 'INVALID_REQUEST'])
  const none = cli.run(['salvage', join(cli.home, 'nowhere'), fresh()])
  assert.is(none.status, 2)
})

test('a log that somebody holds is refused by name, here and in another process', async () => {
  const holder = await open(cli.log)
  const code = (error: unknown) => (LogError.is(error) ? error.code : error)
  assert.is(await salvage(cli.log, fresh()).catch(code), 'DIRECTORY_IN_USE')
  const said = cli.run(['salvage', cli.log, fresh(), '--json'])
  assert.equal([said.status, rows(said.err)[0]?.['error']], [2, 'DIRECTORY_IN_USE'])
  await holder.close()
  assert.is((await salvage(cli.log, fresh())).losses.length, 1)
})

test('while it runs nobody opens the source for writing', async () => {
  let isRefused: unknown
  let isAsked = false
  await salvage(cli.log, fresh(), {
    progress: () => {
      if (isAsked) return
      isAsked = true
      isRefused = cli.run(['produce', 'pay', '--json'], 'x\n').status
    },
  })
  assert.ok(isAsked)
  assert.is(isRefused, 2)
})

test('a signal ends it, and what it leaves is no log', async () => {
  const target = fresh()
  const stop = new AbortController()
  const reason = new Error('enough')
  const ended = salvage(cli.log, target, { signal: stop.signal, progress: () => stop.abort(reason) })
  assert.is(await ended.catch((error: unknown) => error), reason)
  const refused = await open(target).catch((error: unknown) => error)
  assert.ok(LogError.is(refused, 'COPY_UNFINISHED'))
})

test.run()
