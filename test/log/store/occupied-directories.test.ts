// A directory that has the name of a partition and isn't one of the log's: once, the first send, an unclean open and a
// delete removed what lay there, and a folder in it ended the log.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../../../bindings/entry/embedded/directory-image.ts'
import { openLog } from '../../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, LogError, open } from '../../../bindings/entry/node.ts'
import { verified } from '../../salvage/run.ts'
import { scratchDirectory } from '../../scratch.ts'

const NOTES = join('notes', 'mine.txt')
const SEGMENT = '00000000000000000000.log'

/** A folder with a file that is nobody's but the program's. */
function putNotes(directory: string): void {
  mkdirSync(join(directory, 'notes'), { recursive: true })
  writeFileSync(join(directory, NOTES), 'mine')
}

async function readAll(log: EmbeddedLog, topic: string): Promise<string[]> {
  const values: string[] = []
  for await (const { value } of log.read(topic, { until: 'end' })) values.push(`${Buffer.from(value ?? [])}`)
  return values
}

async function inScratch(run: (scratch: string) => Promise<void>): Promise<void> {
  const scratch = scratchDirectory('occupied')
  await run(scratch).finally(() => rmSync(scratch, { recursive: true }))
}

/** As after a kill. */
function copyUnclosed(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !/\.(attach|lock)$/.test(path) })
}

test('the first send to a partition makes stray what has its place, and removes nothing of it', () =>
  inScratch(async (scratch) => {
    const other = await open(join(scratch, 'other'), { topics: [] })
    await other.admin.createTopic('orders')
    await other.producer().send({ topic: 'orders', value: 'of another log' })
    await other.close()
    const root = join(scratch, 'log')
    const log = await open(root)
    await log.admin.createTopic('orders', { partitions: 4 })
    const place = (partition: number) => join(root, `orders-${partition}`)
    cpSync(join(scratch, 'other', 'orders-0'), place(0), { recursive: true })
    putNotes(place(1))
    putNotes(`${place(1)}-stray`)
    // What a create leaves that a crash cut short, with what a program put there since.
    putNotes(place(2))
    writeFileSync(join(place(2), SEGMENT), '')
    await log.producer().send({ topic: 'orders', partition: 3, value: '3' })
    await log.close()
    const before = readFileSync(join(place(0), SEGMENT))
    const again = await open(root)
    for (const partition of [0, 1, 2]) {
      await again.producer().send({ topic: 'orders', partition, value: `${partition}` })
    }
    assert.equal((await readAll(again, 'orders')).sort(), ['0', '1', '2', '3'])
    await again.close()
    assert.equal(readFileSync(join(`${place(0)}-stray`, SEGMENT)), before)
    for (const stray of [`${place(1)}-stray`, `${place(1)}.2-stray`, `${place(2)}-stray`]) {
      assert.is(readFileSync(join(stray, NOTES), 'utf8'), 'mine', stray)
    }
    assert.equal(readdirSync(`${place(2)}-stray`), ['notes'])
  }))

test('a directory of the topic’s own id with batches that the log knows nothing of becomes stray too', () =>
  inScratch(async (scratch) => {
    const [root, older] = [join(scratch, 'log'), join(scratch, 'older')]
    const log = await open(root)
    await log.admin.createTopic('orders')
    await log.backup(older)
    const restored = await open(older)
    await restored.producer().send({ topic: 'orders', value: 'of the copy' })
    await restored.close()
    cpSync(join(older, 'orders-0'), join(root, 'orders-0'), { recursive: true })
    await log.producer().send({ topic: 'orders', value: 'own' })
    assert.equal(await readAll(log, 'orders'), ['own'])
    await log.close()
    assert.ok(readFileSync(join(root, 'orders-0-stray', SEGMENT)).includes('of the copy'))
  }))

test('an unclean open leaves a directory alone that has a partition’s name and nothing of one', () =>
  inScratch(async (scratch) => {
    const root = join(scratch, 'log')
    const log = await open(root)
    await log.admin.createTopic('orders')
    await log.producer().send({ topic: 'orders', value: 'own' })
    const copy = join(scratch, 'copy')
    copyUnclosed(root, copy)
    await log.close()
    putNotes(join(copy, 'photos-2024'))
    mkdirSync(join(copy, 'empty-1'))
    cpSync(join(copy, 'orders-0'), join(copy, 'orders-7'), { recursive: true })
    writeFileSync(join(copy, 'orders-7', SEGMENT), 'of another log')
    cpSync(join(copy, 'orders-0'), join(copy, 'orders-7-stray'), { recursive: true })
    writeFileSync(join(copy, 'orders-7', 'partition.metadata'), 'version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA\n')
    // A look at the files writes nothing, and shows what an open would.
    for (const attempt of [() => openLog(new DirectoryImage(copy), nodePort), () => open(copy)]) {
      const opened = await attempt()
      assert.equal(
        opened.recovery.damage.map(({ file, code }) => [file, code]),
        [['orders-7', 'stray directory']],
      )
      assert.equal(await readAll(opened, 'orders'), ['own'])
      await opened.close()
    }
    assert.is(readFileSync(join(copy, 'photos-2024', NOTES), 'utf8'), 'mine')
    assert.ok(readFileSync(join(copy, 'orders-7.2-stray', SEGMENT)).includes('of another log'))
    assert.not(existsSync(join(copy, 'empty-1')))
  }))

test('an unclean open and a look at the files leave a file and a link alone that have a partition’s name', () =>
  inScratch(async (scratch) => {
    const root = join(scratch, 'log')
    const log = await open(root)
    await log.admin.createTopic('photos')
    await log.admin.createTopic('orders')
    await log.producer().send({ topic: 'orders', value: 'own' })
    const copy = join(scratch, 'copy')
    copyUnclosed(root, copy)
    await log.close()
    writeFileSync(join(copy, 'photos-0'), 'mine')
    symlinkSync(scratch, join(copy, 'photos-2024'))
    const opened = await open(copy)
    assert.equal([opened.recovery.clean, opened.recovery.damage, await opened.verify()], [false, [], []])
    const refusal = await opened
      .producer()
      .send({ topic: 'photos', value: 'x' })
      .catch((error: unknown) => error)
    assert.ok(LogError.is(refusal, 'KAFKA_STORAGE_ERROR'), String(refusal))
    assert.match(refusal.message, /photos-0 .*ENOTDIR.*move what lies there out of the way/)
    rmSync(join(copy, 'photos-0'))
    await opened.producer().send({ topic: 'photos', value: 'x' })
    assert.equal(await readAll(opened, 'photos'), ['x'])
    await opened.close()
  }))

test('an unclean open removes no copy of a partition that somebody made beside it, of a living topic or of a deleted one', () =>
  inScratch(async (scratch) => {
    const root = join(scratch, 'log')
    const log = await open(root)
    for (const name of ['orders', 'old']) await log.admin.createTopic(name)
    await log.producer().send(['orders', 'old'].map((topic) => ({ topic, value: `of ${topic}` })))
    await log.close()
    for (const name of ['orders', 'old'])
      cpSync(join(root, `${name}-0`), join(root, `${name}-2024-1`), { recursive: true })
    const again = await open(root)
    await again.admin.deleteTopic('old')
    await again.producer().send({ topic: 'orders', value: 'more' })
    const copy = join(scratch, 'copy')
    copyUnclosed(root, copy)
    await again.close()
    const opened = await open(copy)
    assert.equal(opened.recovery.damage.map(({ file, code }) => [file, code]).sort(), [
      ['old-2024-1', 'stray directory'],
      ['orders-2024-1', 'stray directory'],
    ])
    await opened.close()
    for (const name of ['orders', 'old']) {
      assert.ok(readFileSync(join(copy, `${name}-2024-1-stray`, SEGMENT)).includes(`of ${name}`))
    }
  }))

test('a copy of another topic’s partition becomes stray at the first send', () =>
  inScratch(async (scratch) => {
    const root = join(scratch, 'log')
    const log = await open(root)
    for (const name of ['orders', 'invoices']) await log.admin.createTopic(name)
    await log.producer().send({ topic: 'orders', value: 'of orders' })
    await log.close()
    cpSync(join(root, 'orders-0'), join(root, 'invoices-0'), { recursive: true })
    const again = await open(root)
    await again.producer().send({ topic: 'invoices', value: 'own' })
    assert.equal([await readAll(again, 'orders'), await readAll(again, 'invoices')], [['of orders'], ['own']])
    await again.close()
    assert.ok(readFileSync(join(root, 'invoices-0-stray', SEGMENT)).includes('of orders'))
  }))

test('a copy of a deleted topic’s partition becomes stray at the first send to the next topic of its name', () =>
  inScratch(async (scratch) => {
    const [root, kept] = [join(scratch, 'log'), join(scratch, 'kept')]
    const log = await open(root)
    await log.admin.createTopic('orders')
    await log.producer().send({ topic: 'orders', value: 'first' })
    await log.close()
    cpSync(join(root, 'orders-0'), kept, { recursive: true })
    const again = await open(root)
    await again.admin.deleteTopic('orders')
    await again.admin.createTopic('orders')
    while (existsSync(join(root, 'orders-0'))) await new Promise((resolve) => setImmediate(resolve))
    cpSync(kept, join(root, 'orders-0'), { recursive: true })
    await again.producer().send({ topic: 'orders', value: 'second' })
    assert.equal(await readAll(again, 'orders'), ['second'])
    await again.close()
    assert.ok(readFileSync(join(root, 'orders-0-stray', SEGMENT)).includes('first'))
  }))

test('an unclean open removes no copy that somebody put back of a topic that was deleted before the last checkpoint', () =>
  inScratch(async (scratch) => {
    const [root, kept, copy] = [join(scratch, 'log'), join(scratch, 'kept'), join(scratch, 'copy')]
    const log = await open(root)
    for (const topic of ['orders', 'others']) await log.admin.createTopic(topic)
    await log.producer().send({ topic: 'orders', value: 'first' })
    await log.close()
    cpSync(join(root, 'orders-0'), kept, { recursive: true })
    const again = await open(root)
    await again.admin.deleteTopic('orders')
    await again.close()
    const last = await open(root)
    cpSync(kept, join(root, 'orders-0'), { recursive: true })
    await last.producer().send({ topic: 'others', value: 'x' })
    await last.admin.createTopic('orders')
    copyUnclosed(root, copy)
    await last.close()
    const opened = await open(copy)
    assert.equal(
      opened.recovery.damage.map(({ file, code }) => [file, code]),
      [['orders-0', 'stray directory']],
    )
    await opened.close()
    assert.ok(readFileSync(join(copy, 'orders-0-stray', SEGMENT)).includes('first'))
  }))

test('what lies in the directory of a topic that is deleted stays, and the next topic of its name goes on', () =>
  inScratch(async (scratch) => {
    const root = join(scratch, 'log')
    const log = await open(root)
    await log.admin.createTopic('orders')
    await log.producer().send({ topic: 'orders', value: 'first' })
    putNotes(join(root, 'orders-0'))
    await log.admin.deleteTopic('orders')
    await log.admin.createTopic('orders')
    await log.producer().send({ topic: 'orders', value: 'second' })
    assert.equal(await readAll(log, 'orders'), ['second'])
    await log.close()
    assert.equal(readdirSync(join(root, 'orders-0-stray')), ['notes'])
    assert.is(readFileSync(join(root, 'orders-0-stray', NOTES), 'utf8'), 'mine')
  }))

test('the longest name of a topic leaves room for the mark of what is stray', () =>
  inScratch(async (scratch) => {
    const [root, name] = [join(scratch, 'log'), 't'.repeat(249)]
    const log = await open(root)
    await log.admin.createTopic(name, { partitions: 12 })
    const place = (partition: number) => join(root, `${name}-${partition}`)
    putNotes(place(0))
    for (const partition of [0, 11]) await log.producer().send({ topic: name, partition, value: `${partition}` })
    putNotes(place(11))
    await log.admin.deleteTopic(name)
    await log.admin.createTopic(name, { partitions: 12 })
    await log.producer().send({ topic: name, partition: 11, value: 'second' })
    assert.equal(await readAll(log, name), ['second'])
    const copy = join(scratch, 'copy')
    copyUnclosed(root, copy)
    await log.close()
    const strays = readdirSync(root).filter((each) => each.endsWith('-stray'))
    assert.equal(
      strays.map((each) => readFileSync(join(root, each, NOTES), 'utf8')),
      ['mine', 'mine'],
    )
    cpSync(place(11), join(copy, `${name.replace('t', 's')}-0`), { recursive: true })
    const opened = await open(copy)
    assert.is(opened.recovery.damage.length, 1)
    assert.is(readdirSync(copy).filter((each) => /^s.*-stray$/.test(each)).length, 1)
    await opened.close()
  }))

for (const state of ['closed', 'killed'] as const) {
  test(`${state}: a file lies in the place of a partition’s directory: the open tells, other partitions go on, and it is whole once put back`, () =>
    inScratch(async (scratch) => {
      const [root, copy, kept] = [join(scratch, 'log'), join(scratch, 'copy'), join(scratch, 'kept')]
      const log = await open(root)
      await log.admin.createTopic('orders', { partitions: 2 })
      const send = (of: EmbeddedLog, partition: number, value: string) =>
        of.producer().send({ topic: 'orders', partition, value })
      for (const partition of [0, 1]) await send(log, partition, `${partition}`)
      if (state === 'closed') await log.close()
      copyUnclosed(root, copy)
      if (state === 'killed') await log.close()
      renameSync(join(copy, 'orders-0'), kept)
      writeFileSync(join(copy, 'orders-0'), 'mine')
      const damage = {
        file: 'orders-0',
        position: 0,
        topic: 'orders',
        partition: 0,
        offset: 0,
        code: 'is no directory',
      }
      if (state === 'closed') assert.equal((await verified(new DirectoryImage(copy))).damage, [damage])
      const opened = await open(copy)
      const told = opened.recovery.damage.map(({ file, code }) => [file, code])
      const isTaken = existsSync(join(copy, 'orders-0-stray'))
      assert.equal(
        told,
        state === 'closed' ? [['orders-0', 'is no directory']] : [['orders-0', 'is no directory'], ...told.slice(1)],
      )
      assert.is(isTaken, state === 'killed')
      assert.is(readFileSync(join(copy, isTaken ? 'orders-0-stray' : 'orders-0'), 'utf8'), 'mine')
      await send(opened, 1, 'more')
      const refused = await send(opened, 0, 'more').catch((error: unknown) => error)
      assert.ok(state === 'killed' || LogError.is(refused, 'LOG_READ_ONLY'), String(refused))
      await opened.close()
      if (state === 'killed') return
      rmSync(join(copy, 'orders-0'))
      renameSync(kept, join(copy, 'orders-0'))
      const again = await open(copy)
      assert.equal(again.recovery.damage, [])
      assert.equal((await readAll(again, 'orders')).sort(), ['0', '1', 'more'])
      await again.close()
    }))
}

test.run()
