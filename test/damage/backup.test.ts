/**
 * `log.backup`: beside producers, transactions and consumers; by an attached process; by the command line; its
 * refusals.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, LogError, open, openMemory } from '../../bindings/entry/node.ts'
import { CommandLine } from '../cli/support.ts'
import { LOADER } from '../runner/loader.ts'

const scratch = mkdtempSync(join(tmpdir(), 'oncelog-backup-'))
const cli = new CommandLine()
test.after(() => {
  rmSync(scratch, { recursive: true })
  cli.remove()
})

let count = 0
const fresh = (): string => join(scratch, `${count++}`)

async function written(log: EmbeddedLog, records: number): Promise<void> {
  await log.admin.createTopic('t', { partitions: 2, config: { 'segment.bytes': 4000 } })
  const producer = log.producer()
  for (let index = 0; index < records; index++)
    await producer.send({ topic: 't', partition: index % 2, value: `${index}`.padEnd(300) })
}

async function values(log: EmbeddedLog, topic: string): Promise<string[]> {
  const all: string[] = []
  for await (const { partition, offset, value } of log.read(topic, { until: 'end' }))
    all.push(`${partition}/${offset} ${`${Buffer.from(value ?? [])}`.trim()}`)
  return all.sort()
}

async function verify(directory: string): Promise<void> {
  const { status, out, err } = await cli.runBeside(['verify', directory])
  assert.is(status, 0, out + err)
}

function digestOf(directory: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(directory, { recursive: true }).map(String).sort()) {
    if (statSync(join(directory, name)).isFile() && name !== '.lock')
      hash.update(name).update(readFileSync(join(directory, name)))
  }
  return hash.digest('hex')
}

test('while others write: all that was acknowledged before, of each transaction all or nothing, and nothing of later', async () => {
  const directory = fresh()
  const log = await open(directory)
  const attached = await open(directory)
  assert.is(attached.role, 'attached')
  await written(log, 60)
  await log.admin.createTopic('pairs', { partitions: 2, config: { 'segment.bytes': 2000 } })
  let isOver = false
  const pause = () => new Promise((resolve) => setTimeout(resolve, 10))
  const sending = (async () => {
    const producer = log.producer()
    for (let index = 60; !isOver; index++) {
      await producer.send({ topic: 't', partition: index % 2, value: `${index}`.padEnd(300) })
      await pause()
    }
  })()
  const pairing = (async () => {
    const producer = log.producer({ transactionalId: 'pairs' })
    for (let index = 0; !isOver; index++) {
      await pause()
      await producer.transaction(async (transaction) => {
        for (const partition of [0, 1]) await transaction.send({ topic: 'pairs', partition, value: `${index}` })
      })
    }
  })()
  try {
    for (const by of [log, attached]) {
      const before = [await values(log, 't'), await values(log, 'pairs')]
      const target = fresh()
      await by.backup(target)
      const now = [new Set(await values(log, 't')), new Set(await values(log, 'pairs'))]
      await verify(target)
      const copy = await open(target)
      assert.equal(copy.recovery.damage, [])
      const found = [await values(copy, 't'), await values(copy, 'pairs')]
      for (const [index, topic] of found.entries()) {
        const all = new Set(topic)
        assert.equal(
          topic.filter((each) => !now[index]?.has(each)),
          [],
          'records that the log does not have',
        )
        assert.equal(
          before[index]?.filter((each) => !all.has(each)),
          [],
          'acknowledged records are missing',
        )
      }
      const of = (partition: number) =>
        found[1]?.filter((each) => each.startsWith(`${partition}/`)).map((each) => each.split(' ')[1])
      assert.equal(of(0)?.toSorted(), of(1)?.toSorted(), 'a transaction in one of its partitions alone')
      await copy.producer().send({ topic: 't', partition: 0, value: 'the copy goes its own way' })
      await copy.close()
      await verify(target)
    }
  } finally {
    isOver = true
    await Promise.all([sending, pairing])
    await attached.close()
    await log.close()
  }
  await verify(directory)
})

test('closed segments are shared, the active ones are not; nothing that the source does later changes the copy', async () => {
  const directory = fresh()
  const target = fresh()
  const log = await open(directory)
  await written(log, 60)
  await log.backup(target)
  const before = digestOf(target)
  const shared = (name: string) => statSync(join(directory, name)).ino === statSync(join(target, name)).ino
  const segments = readdirSync(join(target, 't-0'))
    .filter((name) => name.endsWith('.log'))
    .sort()
  assert.ok(segments.length > 2, segments.join())
  assert.equal(
    segments.map((name) => shared(`t-0/${name}`)),
    segments.map((_, index) => index < segments.length - 1),
  )
  assert.not.ok(shared(`t-0/${segments[0]?.replace('.log', '.index')}`))
  const producer = log.producer()
  for (let index = 0; index < 40; index++) await producer.send({ topic: 't', value: `later ${index}`.padEnd(300) })
  await log.admin.deleteTopic('t')
  await written(log, 30)
  await log.close()
  await (await open(directory)).close()
  assert.is(digestOf(target), before)
  const copy = await open(target)
  assert.is((await values(copy, 't')).length, 60)
  await copy.close()
})

test('a log start that moves in the source takes nothing from the copy', async () => {
  const directory = fresh()
  const target = fresh()
  const log = await open(directory)
  await log.admin.createTopic('large', { config: { 'segment.bytes': 9_000_000 } })
  const producer = log.producer()
  const value = 'x'.repeat(900_000)
  for (let index = 0; index < 30; index++) await producer.send({ topic: 'large', value })
  await log.backup(target)
  const [first = ''] = readdirSync(join(target, 'large-0'))
    .sort()
    .filter((name) => name.endsWith('.log'))
  const place = join('large-0', first)
  assert.is(statSync(join(target, place)).nlink, 2)
  const before = digestOf(target)
  // More than is cut at once, so that a segment of its own would be cut in pieces.
  await log.admin.deleteRecords([{ topic: 'large', partition: 0, beforeOffset: 29 }])
  for (let waits = 0; existsSync(join(directory, place)); waits++) {
    assert.ok(waits < 600, 'the segment is never removed')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await log.close()
  assert.is(digestOf(target), before)
  const copy = await open(target)
  assert.is((await values(copy, 'large')).length, 30)
  await copy.close()
})

test('a killed source recovers as it would without a backup, and the copy stays as it is', async () => {
  const directory = fresh()
  const target = fresh()
  const program = `
    import { open } from './bindings/entry/node.ts'
    const log = await open(${JSON.stringify(directory)})
    await log.admin.createTopic('t', { config: { 'segment.bytes': 4000 } })
    const producer = log.producer()
    for (let index = 0; index < 40; index++) await producer.send({ topic: 't', value: String(index).padEnd(300) })
    await log.backup(${JSON.stringify(target)})
    for (let index = 40; index < 90; index++) await producer.send({ topic: 't', value: String(index).padEnd(300) })
    process.kill(process.pid, 'SIGKILL')`
  try {
    execFileSync(process.execPath, [...LOADER, '--input-type=module', '-e', program], { stdio: 'pipe' })
  } catch (error) {
    assert.is((error as { signal?: string }).signal, 'SIGKILL', String(error))
  }
  const before = digestOf(target)
  const log = await open(directory)
  assert.is((await values(log, 't')).length, 90)
  await log.close()
  assert.is(digestOf(target), before)
  const copy = await open(target)
  assert.is((await values(copy, 't')).length, 40)
  await copy.close()
})

test('a log in memory goes into a directory', async () => {
  const target = fresh()
  const log = await openMemory()
  await written(log, 20)
  await log.backup(target)
  await log.close()
  const copy = await open(target)
  assert.is((await values(copy, 't')).length, 20)
  await copy.close()
})

test('by the command line, beside a holder and without one', async () => {
  const directory = fresh()
  const log = await open(directory)
  await written(log, 20)
  const [beside, alone] = [fresh(), fresh()]
  // This process holds the log and makes the copy.
  assert.is((await cli.runBeside(['backup', directory, beside, '--json'])).status, 0)
  await log.close()
  assert.match(cli.run(['backup', directory, alone]).out, /^copied /)
  for (const target of [beside, alone]) {
    const copy = await open(target)
    assert.is((await values(copy, 't')).length, 20)
    await copy.close()
  }
})

test('refused: a directory that holds something, the own one, one inside it, no path, an unfinished copy at open', async () => {
  const directory = fresh()
  const log = await open(directory)
  const full = fresh()
  mkdirSync(full)
  writeFileSync(join(full, 'mine'), '')
  const refused = async (target: never | string, code: string) => {
    try {
      await log.backup(target)
    } catch (error) {
      assert.ok(LogError.is(error), String(error))
      assert.is((error as LogError).code, code)
      if (target === full)
        assert.match((error as LogError).message, `${full} must be empty to be copied to, it holds mine`)
      return
    }
    assert.unreachable(`backup to ${target}`)
  }
  await refused(full, 'INVALID_REQUEST')
  assert.equal(readdirSync(full), ['mine'])
  await refused(directory, 'INVALID_REQUEST')
  await refused(join(directory, 'inside'), 'INVALID_REQUEST')
  await refused('', 'INVALID_REQUEST')
  await refused(join(full, 'mine', 'below'), 'KAFKA_STORAGE_ERROR')
  const unfinished = fresh()
  mkdirSync(unfinished)
  writeFileSync(join(unfinished, 'unfinished-copy'), '')
  await refused(unfinished, 'INVALID_REQUEST')
  try {
    await open(unfinished)
    assert.unreachable('an unfinished copy was opened')
  } catch (error) {
    assert.ok(LogError.is(error, 'COPY_UNFINISHED'), String(error))
  }
  const target = fresh()
  await log.backup(target)
  await refused(target, 'INVALID_REQUEST')
  await log.close()
  await refused(fresh(), 'LOG_CLOSED')
})

test("bytes after the end of a closed segment, which are nobody's, keep no backup from being made", async () => {
  const [directory, target] = [fresh(), fresh()]
  const before = await open(directory)
  await written(before, 60)
  await before.close()
  const [name = ''] = readdirSync(join(directory, 't-0')).filter((each) => each.endsWith('.log'))
  appendFileSync(join(directory, 't-0', name), 'x'.repeat(100))
  const log = await open(directory)
  await log.backup(target)
  const expected = await values(log, 't')
  await log.close()
  await verify(target)
  const copy = await open(target)
  assert.equal(await values(copy, 't'), expected)
  await copy.close()
})

test.run()
