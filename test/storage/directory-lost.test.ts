// A directory that is removed or replaced under an open log: within about a second nothing is acknowledged any more,
// and the error says why.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, open } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { AttachedDirectory } from '../../bindings/storage/drivers/node-fs/attached-directory.ts'
import { lockDirectory } from '../../bindings/storage/drivers/node-fs/lock.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'

const scratch = mkdtempSync(join(tmpdir(), 'lost-'))
test.after(() => rmSync(scratch, { recursive: true }))

/** A machine with other work is late. */
const NOTICED_MS = 1000 + 4000

interface Way {
  readonly name: string
  takeAway(directory: string): void
}

/** `rm -rf directory/*` */
function emptyAsShellsDo(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith('.')) rmSync(join(directory, name), { recursive: true })
  }
}

const WAYS: readonly Way[] = [
  { name: 'removed', takeAway: (directory) => rmSync(directory, { recursive: true }) },
  { name: 'moved', takeAway: (directory) => renameSync(directory, `${directory}.away`) },
  {
    name: 'replaced by a copy',
    takeAway(directory) {
      cpSync(directory, `${directory}.copy`, { recursive: true, filter: (path) => !statSync(path).isSocket() })
      renameSync(directory, `${directory}.away`)
      renameSync(`${directory}.copy`, directory)
    },
  },
  {
    name: 'moved, with a file in its place',
    takeAway(directory) {
      renameSync(directory, `${directory}.away`)
      writeFileSync(directory, '')
    },
  },
  {
    name: 'emptied by a shell, to which names with a dot are hidden',
    takeAway: emptyAsShellsDo,
  },
  {
    name: 'emptied by a move of what a shell sees',
    takeAway(directory) {
      mkdirSync(`${directory}.away`)
      for (const file of readdirSync(directory))
        if (!file.startsWith('.')) renameSync(join(directory, file), join(`${directory}.away`, file))
    },
  },
  { name: 'left without its lock file', takeAway: (directory) => rmSync(join(directory, '.lock')) },
]

/** Sends until one is refused, or time is up. */
async function untilRefused(log: EmbeddedLog, producer = log.producer()): Promise<unknown> {
  const until = performance.now() + NOTICED_MS
  while (performance.now() < until) {
    try {
      await producer.send({ topic: 't', value: 'x' })
    } catch (error) {
      return error
    }
    await sleep(20)
  }
  return undefined
}

async function refusal(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => undefined,
    (error: LogError) => error.code,
  )
}

async function lose(way: Way): Promise<void> {
  const directory = join(scratch, way.name.replaceAll(' ', '-'))
  const log = await open(directory)
  try {
    await loseUnder(log, directory, way)
  } finally {
    await refusal(log.close())
  }
}

async function loseUnder(log: EmbeddedLog, directory: string, { name, takeAway }: Way): Promise<void> {
  for (const topic of ['t', 'quiet']) await log.admin.createTopic(topic)
  await log.producer().send({ topic: 't', value: 'before' })
  const waiting = refusal(log.read('quiet')[Symbol.asyncIterator]().next())
  takeAway(directory)
  const error = await untilRefused(log)
  assert.ok(LogError.is(error, 'KAFKA_STORAGE_ERROR'), `${name}: ${error}`)
  assert.ok(error.message.includes(directory) && error.message.includes('put the directory back'), error.message)
  assert.equal([error.details['directory'], error.category], [directory, 'fatal'])
  assert.is(await waiting, 'KAFKA_STORAGE_ERROR', `${name}: a reader that waits hears of it`)
  assert.is(await refusal(log.producer().send({ topic: 't', value: 'after' })), 'KAFKA_STORAGE_ERROR')
  assert.is(await refusal(log.close()), 'KAFKA_STORAGE_ERROR')
}

test('removed, moved, replaced, or without its lock file: the log ends within about a second', async () => {
  await Promise.all(WAYS.map(lose))
})
test('what was acknowledged before is in the directory that was moved, and the path is free', async () => {
  const directory = join(scratch, 'kept')
  const log = await open(directory)
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'kept' })
  renameSync(directory, `${directory}.away`)
  await untilRefused(log)
  await refusal(log.close())
  const moved = await open(`${directory}.away`)
  const values: string[] = []
  for await (const { value } of moved.read('t', { until: 'end' }))
    values.push(new TextDecoder().decode(value ?? undefined))
  assert.is(values[0], 'kept')
  await moved.close()
  const fresh = await open(directory)
  assert.equal(await fresh.admin.listTopics(), [])
  await fresh.close()
})

interface Replacement {
  readonly name: string
  /** What lies at the path then. */
  place(directory: string, backup: string): Promise<EmbeddedLog | undefined>
}

const REPLACEMENTS: readonly Replacement[] = [
  { name: 'nothing', place: async () => undefined },
  {
    name: 'a new log',
    async place(directory) {
      const log = await open(directory)
      await log.admin.createTopic('t')
      return log
    },
  },
  {
    name: 'a backup of it',
    async place(directory, backup) {
      renameSync(backup, directory)
      return open(directory)
    },
  },
]

// Found by moving directories away under attached processes: they went on with the log that came to lie at the path, as
// if it were theirs.
for (const { name, place } of REPLACEMENTS) {
  test(`an attached process whose directory gives way to ${name} ends too, and reads and writes nothing there`, async () => {
    const directory = join(scratch, `attached ${name}`)
    const holder = await open(directory)
    await holder.admin.createTopic('t')
    await holder.producer().send({ topic: 't', value: 'own' })
    await holder.backup(`${directory}.backup`)
    const attached = await open(directory)
    assert.is(attached.role, 'attached')
    const producer = attached.producer()
    await producer.send({ topic: 't', value: 'own' })
    const values: string[] = []
    const reading = refusal(
      (async () => {
        for await (const { value } of attached.read('t')) values.push(Buffer.from(value ?? []).toString())
      })(),
    )
    renameSync(directory, `${directory}.away`)
    const other = await place(directory, `${directory}.backup`)
    const theirs = other?.producer()
    for (let index = 0; index < 5; index++) await theirs?.send({ topic: 't', value: 'other' })
    assert.ok(LogError.is(await untilRefused(holder), 'KAFKA_STORAGE_ERROR'))
    const closing = refusal(holder.close())
    assert.ok(LogError.is(await untilRefused(attached, producer), 'KAFKA_STORAGE_ERROR', 'NETWORK_EXCEPTION'))
    assert.is(await refusal(producer.send({ topic: 't', value: 'x' })), 'KAFKA_STORAGE_ERROR')
    await closing
    assert.ok(['KAFKA_STORAGE_ERROR', 'NETWORK_EXCEPTION'].includes((await reading) ?? ''))
    assert.not.ok(values.includes('other'), values.join())
    const found: string[] = []
    if (other !== undefined)
      for await (const { value } of other.read('t', { until: 'end' })) found.push(Buffer.from(value ?? []).toString())
    assert.not.ok(found.includes('x'), found.join())
    assert.is(existsSync(directory), other !== undefined, 'it made no log of its own there')
    for (const log of [attached, other]) if (log !== undefined) await refusal(log.close())
  })
}

// Found by a restore under a process that was stopped meanwhile: it went on as its log's next holder had the same
// producer ids for others, and three of its sends resolved that were written nowhere.
test('an attached process whose log was restored beside the same lock file knows that it is another', async () => {
  const directory = mkdtempSync(join(scratch, 'beside-'))
  for (const name of ['.lock', 'header']) writeFileSync(join(directory, name), '')
  const attachedTo = new AttachedDirectory(directory, 'header')
  assert.is(await attachedTo.through(async () => 'the holder'), 'the holder')
  attachedTo.assertSame()
  emptyAsShellsDo(directory)
  writeFileSync(join(directory, 'header'), '')
  const refused = await refusal(attachedTo.through(async () => 'the holder of another'))
  assert.is(refused, 'KAFKA_STORAGE_ERROR')
  attachedTo.leave()
  attachedTo.leave()
})

test('an attached process that could keep no file of its log open knows another by its lock file', async () => {
  const directory = mkdtempSync(join(scratch, 'lock-alone-'))
  writeFileSync(join(directory, '.lock'), '')
  const attachedTo = new AttachedDirectory(directory, 'none')
  assert.is(await attachedTo.through(async () => 'the holder'), 'the holder')
  attachedTo.assertSame()
  // Not in its place at once: the file system would give its inode to the next one.
  renameSync(join(directory, '.lock'), join(directory, 'away'))
  writeFileSync(join(directory, '.lock'), '')
  const refused = await refusal(attachedTo.through(async () => 'the holder of another'))
  assert.is(refused, 'KAFKA_STORAGE_ERROR')
})

// Found by putting a backup in the place of a log whose holder went on for its last second: it opened, by their paths,
// files of the log that lay there by then, and wrote its own records over those that were acknowledged there.
test('a log whose directory was replaced by a copy writes nothing to the copy in the second before it notices', async () => {
  const directory = join(scratch, 'copied')
  const before = await open(directory)
  await before.admin.createTopic('t')
  await before.producer().send({ topic: 't', value: 'both' })
  await before.close()
  cpSync(directory, `${directory}.copy`, { recursive: true })
  const log = await open(directory)
  renameSync(directory, `${directory}.away`)
  renameSync(`${directory}.copy`, directory)
  const other = await open(directory)
  const theirs = other.producer()
  for (let index = 0; index < 5; index++) await theirs.send({ topic: 't', value: 'other' })
  await refusal(log.producer().send({ topic: 't', value: 'a longer one of the log that was replaced' }))
  assert.is(await refusal(log.admin.createTopic('u')), 'KAFKA_STORAGE_ERROR')
  await refusal(log.close())
  await other.close()
  const again = await open(directory)
  const values: string[] = []
  for await (const { value } of again.read('t', { until: 'end' })) values.push(Buffer.from(value ?? []).toString())
  assert.equal(values, ['both', ...Array.from({ length: 5 }, () => 'other')])
  assert.equal([existsSync(join(directory, 'u-0')), await again.verify()], [false, []])
  await again.close()
})

test('a store whose directory was replaced opens, renames and removes nothing in what lies there', async () => {
  const directory = join(scratch, 'store')
  const store = createDirectoryStore(directory)
  await store.lock()
  renameSync(directory, `${directory}.away`)
  mkdirSync(directory)
  for (const name of ['.lock', 'file']) writeFileSync(join(directory, name), '')
  const acts = [
    () => store.open('file', { create: false }),
    () => store.open('new', { create: true }),
    () => store.rename('file', 'other'),
    () => store.remove('file'),
  ]
  for (const act of acts) assert.is(await refusal((async () => act())()), 'KAFKA_STORAGE_ERROR', String(act))
  assert.equal(readdirSync(directory), ['.lock', 'file'])
  await store.close()
})

test('a lock knows whether it is still the one that others would meet', async () => {
  const directory = mkdtempSync(join(scratch, 'lock-'))
  const lock = await lockDirectory(directory)
  lock.assertHeld?.()
  writeFileSync(join(directory, '.lock'), 'its text decides nothing')
  lock.assertHeld?.()
  rmSync(join(directory, '.lock'))
  writeFileSync(join(directory, '.lock'), '')
  assert.throws(
    () => lock.assertHeld?.(),
    (error: unknown) => LogError.is(error, 'KAFKA_STORAGE_ERROR'),
  )
  await lock.release()
  lock.assertHeld?.()
})

test.run()
