// Files of a partition vanish while nobody has the log open: the open reports it and goes on without them, and verify
// and salvage agree.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { salvaged, verified } from '../salvage/run.ts'
import { DirectoryImage } from './directory-image.ts'
import { StillPort } from './still-port.ts'

const PARTITIONS = [0, 1]
const SEGMENTS = [0, 1, 2, 3, 4].map((offset) => `t-0/${String(offset).padStart(20, '0')}.log`)
/** With what a kill leaves, the checkpoint notes the first five and frames hold the other two. */
const ENDS = { closed: 5, killed: 7 }

type State = keyof typeof ENDS

/** A record is a segment. */
async function write(log: EmbeddedLog, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await log.producer().send(PARTITIONS.map((partition) => ({ topic: 't', partition, value: 'x'.repeat(110) })))
  }
}

const closed = new DirectoryImage()
{
  const log = await openLog(closed, new StillPort(), {})
  await log.admin.createTopic('t', { partitions: PARTITIONS.length, config: { 'segment.bytes': 200 } })
  await write(log, ENDS.closed)
  await log.close()
}
const holder = closed.fork()
await write(await openLog(holder, new StillPort(2), {}), ENDS.killed - ENDS.closed)
const images: Record<State, DirectoryImage> = { closed, killed: holder.fork() }

function without(state: State, isGone: (path: string) => boolean): DirectoryImage {
  const image = images[state].fork()
  for (const path of image.paths.filter(isGone)) image.files.delete(path)
  return image
}

/** What reading the first partition from there on gives, until it ends or fails. */
async function readFrom(log: EmbeddedLog, nextOffset: number): Promise<readonly (number | string)[]> {
  const seen: (number | string)[] = []
  const places = (first: number) =>
    PARTITIONS.map((partition) => ({ topic: 't', partition, nextOffset: partition === 0 ? first : 7 }))
  try {
    for await (const { offset } of log.read('t', { from: places(nextOffset), until: places(await endOf(log)) }))
      seen.push(offset)
  } catch (error) {
    if (!LogError.is(error)) throw error
    seen.push(`${error.code} ${error.details['file']} ${error.details['offset']}`)
  }
  return seen
}

async function endOf(log: EmbeddedLog): Promise<number> {
  const [offsets] = await log.admin.offsets([{ topic: 't', partition: 0 }])
  return offsets?.highWatermark ?? 0
}

async function send(log: EmbeddedLog, partition: number): Promise<unknown> {
  try {
    return (await log.producer().send({ topic: 't', partition, value: 'more' })).offset
  } catch (error) {
    if (!LogError.is(error)) throw error
    const { topic, partition, file, offset } = error.details as Record<string, unknown>
    return [error.code, topic, partition, file, offset]
  }
}

interface Case {
  readonly name: string
  readonly isGone: (path: string) => boolean
  /** The first offsets of segments that are gone. */
  readonly lost: readonly number[]
  /** What the open and verify name. */
  readonly file: string
  /** Offsets that are read before the first lost one. */
  readonly before: readonly number[]
}

const fileOf = (offset: number) => SEGMENTS[offset] ?? ''
const CASES: readonly Case[] = [
  { name: 'the folder', isGone: (path) => path.startsWith('t-0/'), lost: [0, 1, 2, 3, 4], file: 't-0', before: [] },
  ...([0, 2, 4] as const).map((offset) => ({
    name: { 0: 'the first segment', 2: 'a segment in the middle', 4: 'the last segment that the checkpoint notes' }[
      offset
    ],
    isGone: (path: string) => path === fileOf(offset),
    lost: [offset],
    file: fileOf(offset),
    before: [0, 1, 2, 3].slice(0, offset),
  })),
]

for (const state of ['closed', 'killed'] as const) {
  const end = ENDS[state]
  for (const { name, isGone, lost, file, before } of CASES) {
    const [first = 0] = lost
    const damage = { file, position: 0, topic: 't', partition: 0, offset: first, code: 'is missing' }

    test(`${state}: ${name} is gone: the open tells, and goes around it`, async () => {
      const log = await openLog(without(state, isGone), new StillPort(3), {})
      assert.equal(log.recovery.damage, [damage])
      assert.equal(log.recovery.readOnly, [{ topic: 't', partition: 0, damage }])
      assert.not.ok(log.recovery.clean)
      assert.equal(await send(log, 0), ['LOG_READ_ONLY', 't', 0, file, first])
      assert.is(await send(log, 1), end)
      assert.equal(await readFrom(log, 0), [...before, `CORRUPT_LOG ${fileOf(first)} ${first}`])
      const next = (lost.at(-1) ?? 0) + 1
      assert.equal(await readFrom(log, next), [0, 1, 2, 3, 4, 5, 6].slice(next, end), 'what stands after it is read')
      await log.close()
    })

    test(`${state}: ${name} is gone: verify places it, and salvage has all else, before and after an open`, async () => {
      const image = without(state, isGone)
      const whole = [0, 1, 2, 3, 4, 5, 6].slice(0, end).filter((offset) => !lost.includes(offset))
      assert.equal((await verified(image)).damage, [damage])
      const look = async () => {
        const { copy, report } = await salvaged(image)
        const losses = report.losses.map(({ topic, partition, offset, nextOffset }) => [
          topic,
          partition,
          offset,
          nextOffset,
        ])
        assert.equal(
          losses,
          lost.map((offset) => ['t', 0, offset, offset + 1]),
        )
        const log = await openLog(copy, new StillPort(4), {})
        assert.equal(await readFrom(log, 0), whole)
        assert.is(await send(log, 0), end)
        await log.close()
      }
      await look()
      await (await openLog(image, new StillPort(3), {})).close()
      await look()
    })
  }

  test(`${state}: a later open tells of it too`, async () => {
    const image = without(state, (path) => path === fileOf(2))
    for (let round = 0; round < 3; round++) {
      const log = await openLog(image, new StillPort(3 + round), {})
      assert.equal(
        log.recovery.readOnly.map(({ damage }) => [damage?.file, damage?.offset]),
        [[fileOf(2), 2]],
      )
      assert.is(((await send(log, 0)) as unknown[])[0], 'LOG_READ_ONLY')
      await log.close()
    }
  })
}

test('a partition that nothing was written to before the kill', async () => {
  const image = closed.fork()
  const other = { topic: 't', partition: 1, value: 'since' }
  await (await openLog(image, new StillPort(2), {})).producer().send(other)
  const killed = image.fork()
  killed.files.delete(fileOf(2))
  const log = await openLog(killed, new StillPort(3), {})
  assert.equal(
    log.recovery.damage.map(({ file, partition, offset }) => [file, partition, offset]),
    [[fileOf(2), 0, 2]],
  )
  assert.equal(await send(log, 0), ['LOG_READ_ONLY', 't', 0, fileOf(2), 2])
  await log.close()
})

test('closed: what is put back before anything was recovered is taken as it was', async () => {
  const image = without('closed', (path) => path === fileOf(2))
  await (await openLog(image, new StillPort(3), {})).close()
  image.files.set(fileOf(2), closed.fork().files.get(fileOf(2)) as never)
  const log = await openLog(image, new StillPort(4), {})
  assert.equal(log.recovery.damage, [])
  assert.equal(await readFrom(log, 0), [0, 1, 2, 3, 4])
  assert.is(await send(log, 0), 5)
  await log.close()
})

test('a segment that no checkpoint notes comes back out of its frames', async () => {
  const log = await openLog(
    without('killed', (path) => path.startsWith('t-0/') && path.endsWith('6.log')),
    new StillPort(3),
    {},
  )
  assert.equal(log.recovery.damage, [])
  assert.equal(await readFrom(log, 0), [0, 1, 2, 3, 4, 5, 6])
  await log.close()
})

test('a topic that was never written to has no folder to miss', async () => {
  const image = new DirectoryImage()
  const first = await openLog(image, new StillPort(), {})
  await first.admin.createTopic('t', { partitions: 2 })
  await first.close()
  for (const path of image.paths.filter((path) => path.startsWith('t-0/'))) image.files.delete(path)
  const log = await openLog(image, new StillPort(2), {})
  assert.equal(log.recovery.damage, [])
  assert.is(await send(log, 0), 0)
  await log.close()
  assert.equal((await verified(image)).damage, [])
})

test.run()
