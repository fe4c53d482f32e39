// Somebody puts journal/ and checkpoint/ back from an earlier close and leaves the partitions as they are: the log
// would go on at the earlier end and write over what was acknowledged since.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { verifyDirectory } from '../../bindings/log/verify/verify-directory.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { returnKernel, takeKernel } from '../../bindings/testkit/simulation/kernel-pool.ts'
import { DirectoryImage } from './directory-image.ts'
import { StillPort } from './still-port.ts'

const SEGMENT = 't-0/00000000000000000000.log'
const NEXT = 't-0/00000000000000000002.log'
const CONFIG = { 'segment.bytes': 200 }

let opens = 0
function open(image: DirectoryImage): Promise<EmbeddedLog> {
  return openLog(image, new StillPort(++opens), {})
}

async function during(image: DirectoryImage, use: (log: EmbeddedLog) => Promise<unknown>): Promise<void> {
  const log = await open(image)
  await use(log)
  await log.close()
}

function send(log: EmbeddedLog, value: string): Promise<unknown> {
  return log.producer().send({ topic: 't', value })
}

async function valuesOf(log: EmbeddedLog): Promise<readonly string[]> {
  const values: string[] = []
  for await (const { value } of log.read('t', { until: 'end' }))
    values.push(new TextDecoder().decode(value ?? undefined))
  return values
}

/** Journal and checkpoint as a close left them before `later` was done, all else as the next close left it. */
async function putBack(
  later: (log: EmbeddedLog) => Promise<unknown>,
  config = {},
  whole: DirectoryImage[] = [],
): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  await during(image, async (log) => {
    await log.admin.createTopic('t', { config })
    await send(log, 'a')
  })
  const before = image.fork()
  await during(image, later)
  whole.push(image.fork())
  exchange(image, before)
  return image
}

const isOfLog = (path: string): boolean => path.startsWith('journal/') || path.startsWith('checkpoint/')

function exchange(image: DirectoryImage, other: DirectoryImage): void {
  for (const path of image.paths.filter(isOfLog)) image.files.delete(path)
  for (const path of other.paths.filter(isOfLog)) image.files.set(path, other.files.get(path)?.fork() as never)
}

async function refusal(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
    return 'none'
  } catch (error) {
    return LogError.is(error) ? [error.code, error.details['file'], error.details['offset']] : error
  }
}

test('a partition that goes on takes no records, and is whole once what belongs to it is back', async () => {
  const image = await putBack((log) => send(log, 'b'))
  const sizeBytes = image.files.get(SEGMENT)?.sizeBytes
  await during(image, async (log) => {
    assert.equal(log.recovery.damage, [])
    for (let times = 0; times < 2; times++) assert.equal(await refusal(send(log, 'c')), ['CORRUPT_LOG', SEGMENT, 1])
    assert.equal(await valuesOf(log), ['a'])
  })
  assert.is(image.files.get(SEGMENT)?.sizeBytes, sizeBytes)
})

test('a later segment is told by the open', async () => {
  const image = await putBack(async (log) => {
    for (const value of ['b', 'c', 'd']) await send(log, value.repeat(60))
  }, CONFIG)
  await during(image, async (log) => {
    assert.equal(
      log.recovery.damage.map(({ file, offset, code }) => [file, offset, code]),
      [[NEXT, 2, 'newer than the checkpoint']],
    )
    assert.equal((await refusal(send(log, 'e'))) as unknown[], ['LOG_READ_ONLY', NEXT, 2])
  })
  // Empty, it is what a roll left that found no room.
  image.files.get(NEXT)?.truncate(0)
  for (const path of image.paths.filter((each) => each.startsWith('t-0/') && each > NEXT)) image.files.delete(path)
  const log = await open(image)
  assert.equal(log.recovery.damage, [])
})

test('a topic that is newer is told by the open, as the table that names it', async () => {
  const image = await putBack((log) => log.admin.createTopic('u'))
  const log = await open(image)
  assert.equal(
    log.recovery.damage.map(({ topic, code }) => [topic, code]),
    [['__oncelog_catalogue', 'newer than the checkpoint']],
  )
  assert.is(((await refusal(log.admin.createTopic('v'))) as string[])[0], 'LOG_READ_ONLY')
})

for (const [where, config] of [
  ['in the last segment', {}],
  ['in a later segment', { 'segment.bytes': 100 }],
] as const) {
  test(`it takes none after an unclean end either, and is whole again just so: it goes on ${where}`, async () => {
    const whole: DirectoryImage[] = []
    const image = await putBack(
      async (log) => {
        for (const value of ['b', 'c']) await send(log, value)
      },
      config,
      whole,
    )
    await open(image)
    const killed = image.fork()
    const log = await open(killed)
    assert.equal(
      log.recovery.damage.map(({ topic, offset, code }) => [topic, offset, code]),
      [['t', 1, 'newer than the checkpoint']],
    )
    assert.is(((await refusal(send(log, 'd'))) as string[])[0], 'LOG_READ_ONLY')
    await log.close()
    exchange(killed, whole[0] as DirectoryImage)
    assert.equal(await verified(killed), [])
    await during(killed, async (restored) => {
      assert.equal(restored.recovery.damage, [])
      assert.equal(await valuesOf(restored), ['a', 'b', 'c'])
    })
  })
}

async function verified(image: DirectoryImage): Promise<readonly unknown[]> {
  const kernel = takeKernel()
  try {
    const { damage } = await runTask(verifyDirectory(image, kernel, () => {}))
    return damage.map(({ file, position, topic, partition, offset, code }) => [
      file,
      position,
      `${topic}-${partition}`,
      offset,
      code,
    ])
  } finally {
    returnKernel(kernel)
  }
}

test('verify tells of what the open tells, and of what only the first send would meet', async () => {
  const whole: DirectoryImage[] = []
  const grown = await putBack((log) => send(log, 'b'), {}, whole)
  const endBytes = (whole[0]?.files.get(SEGMENT)?.sizeBytes ?? 0) / 2
  assert.equal(await verified(grown), [[SEGMENT, endBytes, 't-0', 1, 'newer than the checkpoint']])
  const rolled = await putBack(
    async (log) => {
      for (const value of ['b', 'c', 'd']) await send(log, value.repeat(60))
    },
    CONFIG,
    whole,
  )
  assert.equal(await verified(rolled), [[NEXT, 0, 't-0', 2, 'newer than the checkpoint']])
  for (const image of whole) assert.equal(await verified(image), [])
})

test('other bytes past the end of a closed log belong to nobody', async () => {
  const image = await putBack(async () => {})
  const first = image.files.get(SEGMENT)?.bytes() ?? new Uint8Array()
  for (const bytes of [new Uint8Array(300).fill(7), first]) {
    const other = image.fork()
    other.files.get(SEGMENT)?.write(bytes, first.length)
    assert.equal(await verified(other), [])
    const log = await open(other)
    assert.equal(log.recovery.damage, [])
    await send(log, 'b')
    assert.equal(await valuesOf(log), ['a', 'b'])
  }
})

test('a partition and a table that were begun since are told by the open, take nothing, and are whole again just so', async () => {
  const whole: DirectoryImage[] = []
  const image = new DirectoryImage()
  await during(image, async (log) => {
    await log.admin.createTopic('t', { partitions: 2 })
    await log.producer().send({ topic: 't', partition: 0, value: 'a' })
  })
  const before = image.fork()
  await during(image, async (log) => {
    await log.producer().send({ topic: 't', partition: 1, value: 'b' })
    await log.admin.setOffsets('g', [{ topic: 't', partition: 0, nextOffset: 1 }])
  })
  whole.push(image.fork())
  exchange(image, before)
  const paths = image.paths
  for (let times = 0; times < 2; times++) {
    await during(image, async (log) => {
      const { damage } = log.recovery
      assert.equal(damage.map(({ file, offset, code }) => [file.split('/')[0], offset, code]).sort(), [
        ['__consumer_offsets-0', 0, 'newer than the checkpoint'],
        ['t-1', 0, 'newer than the checkpoint'],
      ])
      assert.is(
        ((await refusal(log.producer().send({ topic: 't', partition: 1, value: 'c' }))) as string[])[0],
        'LOG_READ_ONLY',
      )
      const place = [{ topic: 't', partition: 0, nextOffset: 0 }]
      assert.is(((await refusal(log.admin.setOffsets('g', place))) as string[])[0], 'LOG_READ_ONLY')
    })
  }
  assert.equal(
    paths.filter((path) => !isOfLog(path) && !image.paths.includes(path)),
    [],
  )
  assert.equal((await verified(image)).map((each) => (each as unknown[])[2]).sort(), ['__consumer_offsets-0', 't-1'])
  exchange(image, whole[0] as DirectoryImage)
  await during(image, async (log) => {
    assert.equal(log.recovery.damage, [])
    assert.equal([...(await valuesOf(log))].sort(), ['a', 'b'])
  })
})

test.run()
