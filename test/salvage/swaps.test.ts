/**
 * What a crash leaves of a compaction that a checkpoint has noted: `verify` recognises it, damage to it loses nothing
 * else, and where nothing may be written it is read from where it lies.
 */
import { rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage as Look } from '../../bindings/entry/embedded/directory-image.ts'
import { type EmbeddedLog, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { scratchDirectory } from '../scratch.ts'
import { batchesOf } from './batches.ts'
import { COMPACTED, compacted, openImage, uncompacted } from './fixture.ts'
import { erase, framesOf } from './frames.ts'
import { salvaged, verified } from './run.ts'

const PLACE = `${COMPACTED}-0/`
const before = await uncompacted(3)
const after = before.fork()
await compacted(after, 3)

const isBatches = (path: string) => path.startsWith(PLACE) && path.endsWith('.log')
/** Compaction rewrote it: there is less in it. */
const cleaned = after.paths.find((path) => isBatches(path) && sizeOf(after, path) !== sizeOf(before, path)) ?? ''
const swap = `${cleaned}.swap`

function sizeOf(image: DirectoryImage, path: string): number {
  return image.files.get(path)?.sizeBytes ?? -1
}

/** The new segment beside all those that it replaces, in a log that was not closed. */
async function underWay(frames: number): Promise<DirectoryImage> {
  const open = after.fork()
  const log = await openImage(open, 5)
  for (let index = 0; index < frames; index++) await log.producer().send({ topic: 'plain', partition: 0, value: 'new' })
  const killed = open.fork()
  await log.close()
  const written = killed.files.get(cleaned)
  assert.ok(written)
  killed.files.set(swap, written.fork())
  for (const path of before.paths.filter(isBatches)) {
    const old = before.files.get(path)
    if (old !== undefined && (path === cleaned || !killed.files.has(path))) killed.files.set(path, old.fork())
  }
  return killed
}

async function keyed(image: DirectoryImage): Promise<string[]> {
  const log = await openImage(image, 6)
  try {
    return await keyedOf(log)
  } finally {
    await log.close()
  }
}

async function keyedOf(log: EmbeddedLog): Promise<string[]> {
  const seen: string[] = []
  for await (const { offset, value } of log.read(COMPACTED, { until: 'end' }))
    seen.push(`${offset} ${Buffer.from(value ?? []).toString()}`)
  return seen
}

const expected = await keyed(after.fork())
/** Of the compacted topic. */
const ENDS_AT = 40

test('verify looks at the noted segment, wherever it lies, and not at what it replaces', async () => {
  const killed = await underWay(0)
  assert.ok(killed.paths.filter(isBatches).length > after.paths.filter(isBatches).length)
  assert.equal((await verified(killed)).damage, [])
  assert.equal(await keyed(killed), expected)
  assert.equal((await verified(killed)).damage, [])
})

test('one that has its place beside what it replaces is as noted, and what it replaces goes', async () => {
  const killed = await underWay(0)
  setFrom(killed, swap, killed, cleaned)
  killed.files.delete(swap)
  assert.ok(killed.paths.filter(isBatches).length > after.paths.filter(isBatches).length)
  const log = await openImage(killed, 6)
  assert.equal([log.recovery.damage, log.recovery.readOnly], [[], []])
  assert.equal(await keyedOf(log), expected)
  await log.close()
  assert.equal(killed.paths.filter(isBatches), after.paths.filter(isBatches))
})

test('verify names the damaged one, the partition is read-only, and what it replaces is still there', async () => {
  const killed = await underWay(0)
  flipHead(killed, swap)
  const found = (await verified(killed)).damage
  assert.equal(
    found.map(({ file, topic }) => [file, topic]),
    [[swap, COMPACTED]],
  )
  const names = killed.paths.filter((path) => path.startsWith(PLACE))
  const log = await openImage(killed, 6)
  assert.equal(
    log.recovery.readOnly.map(({ topic, partition, damage }) => [topic, partition, damage?.file]),
    [[COMPACTED, 0, swap]],
  )
  assert.equal(
    log.recovery.damage.map(({ file }) => file),
    [swap],
  )
  const refused = await log
    .producer()
    .send({ topic: COMPACTED, key: 'k', value: 'x' })
    .catch((error: unknown) => error)
  assert.ok(LogError.is(refused, 'LOG_READ_ONLY'))
  await log.producer().send({ topic: 'plain', value: 'x' })
  await log.close()
  assert.equal(
    killed.paths.filter((path) => path.startsWith(PLACE)),
    names,
  )
})

test('what frames hold of a partition whose rewritten segment is damaged comes back: they are reused', async () => {
  const open = after.fork()
  const log = await openImage(open, 5)
  const unwritten = open.fork()
  await log.producer().send({ topic: COMPACTED, partition: 0, key: 'k', value: 'acknowledged' })
  const killed = open.fork()
  await log.close()
  // The batch waited in memory to be written with others.
  for (const path of unwritten.paths.filter(isBatches)) setFrom(unwritten, path, killed, path)
  setFrom(after, cleaned, killed, swap)
  setFrom(before, cleaned, killed, cleaned)
  flipHead(killed, swap)
  const opened = await openImage(killed, 6)
  const [damage] = opened.recovery.damage
  const end = opened.recovery.partitions.find(({ topic }) => topic === COMPACTED)?.endOffset
  await opened.close()
  assert.is(damage?.file, swap)
  assert.is(end, ENDS_AT + 1)
})

function setFrom(from: DirectoryImage, path: string, to: DirectoryImage, as: string): void {
  const file = from.files.get(path)
  assert.ok(file)
  to.files.set(as, file.fork())
}

test('salvage takes from the replaced segments what the damaged one lacks', async () => {
  const killed = await underWay(0)
  flipHead(killed, swap)
  const { copy, report } = await salvaged(killed)
  assert.equal(report.losses, [])
  const offsets = (await keyed(copy)).map((each) => each.split(' ')[0])
  assert.ok(expected.every((each) => offsets.includes(each.split(' ')[0] ?? '')))
})

test('after a missing frame, where nothing is written, records come from the rewritten segment', async () => {
  const killed = await underWay(3)
  const [, lost] = framesOf(killed).slice(-3)
  assert.ok(lost)
  erase(killed, lost)
  const names = killed.paths
  const log = await openImage(killed, 6)
  assert.ok(log.recovery.readOnly.length > 1, 'all is read-only')
  await log.close()
  assert.equal(await keyed(killed), expected)
  assert.equal(killed.paths, names)
})

/** In the first batch's leader epoch, which no CRC covers. */
function flipHead(image: DirectoryImage, path: string): void {
  const file = image.open(path, { create: false })
  const byte = new Uint8Array(1)
  file?.read(byte, 15)
  byte[0] = (byte[0] ?? 0) ^ 4
  file?.write(byte, 15)
  assert.ok(batchesOf(image).size > 0)
}

test('a look at its files, which writes nothing, reads it from where it lies', async () => {
  const directory = scratchDirectory('look')
  ;(await underWay(2)).writeTo(directory)
  const { paths } = DirectoryImage.readFrom(directory)
  assert.ok(paths.includes(swap))
  const log = await openLog(new Look(directory), nodePort)
  assert.equal(log.recovery.damage, [])
  assert.equal(await keyedOf(log), expected)
  await log.close()
  assert.equal(DirectoryImage.readFrom(directory).paths, paths)
  rmSync(directory, { recursive: true })
})

test.run()
