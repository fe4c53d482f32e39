/**
 * A file of the ring that is too short, from the start or from some step of the recovery on: what its frames held and
 * nothing else does isn't passed over in silence, at this open or the next.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { ringFile } from '../../bindings/log/journal/layout.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { StillPort } from './still-port.ts'

const OPTIONS = { memoryBytes: 16 * 1024 * 1024 }
const RING = ringFile(0)
const TOPICS = ['a', 'b']
const PARTITIONS = [0, 1]
const ROUNDS = 3
const FRAME_BYTES = 4096

/** A power failure left nothing but the frames: three topics, and three records in each partition of two of them. */
async function framesAlone(): Promise<VirtualDisk> {
  const disk = new VirtualDisk()
  const log = await openLog(disk, new StillPort(), OPTIONS)
  for (const name of TOPICS) await log.admin.createTopic(name, { partitions: PARTITIONS.length })
  const producer = log.producer()
  for (let round = 0; round < ROUNDS; round++) {
    for (const topic of TOPICS)
      for (const partition of PARTITIONS) await producer.send({ topic, partition, value: `${round}`.padEnd(300) })
    if (round === 1) await log.admin.createTopic('c')
  }
  return disk.image(new Random(1), 'none')
}

function cut(disk: VirtualDisk, sizeBytes: number): void {
  const file = disk.open(RING, { create: false })
  if (file === undefined || file.size() <= sizeBytes) return
  file.truncate(sizeBytes)
  assert.not.instance(file.flush(), Promise)
}

/** What isn't there any more. */
async function lost(log: EmbeddedLog): Promise<string[]> {
  const names = await log.admin.listTopics()
  const counts = new Map<string, number>()
  for (const topic of TOPICS.filter((each) => names.includes(each))) {
    for await (const { partition } of log.read(topic, { until: 'end' })) {
      const place = `${topic}-${partition}`
      counts.set(place, (counts.get(place) ?? 0) + 1)
    }
  }
  const places = TOPICS.flatMap((topic) => PARTITIONS.map((partition) => `${topic}-${partition}`))
  return [...places.filter((place) => counts.get(place) !== ROUNDS), ...(names.includes('c') ? [] : ['c'])]
}

/** Answers whether it opened. */
async function isNotSilent(disk: VirtualDisk, why: string): Promise<boolean> {
  let log: EmbeddedLog
  try {
    log = await openLog(disk, new StillPort(3), OPTIONS)
  } catch (error) {
    assert.ok(LogError.is(error, 'CORRUPT_LOG'), `${why}: ${error}`)
    return false
  }
  disk.watch = undefined
  const { damage, readOnly } = log.recovery
  const missing = await lost(log)
  const told = [...damage.map(({ file }) => file), ...readOnly.map(({ damage }) => damage?.file)]
  if (missing.length > 0) assert.ok(told.includes(RING), `${why}: ${missing.join(' ')} in silence`)
  await log.close()
  return true
}

const original = await framesAlone()

test('with a whole ring file the log has everything', async () => {
  const log = await openLog(original.image(new Random(1), 'all'), new StillPort(3), OPTIONS)
  assert.equal([log.recovery.damage, await lost(log)], [[], []])
  await log.close()
})

for (const sizeBytes of [0, FRAME_BYTES, 3.5 * FRAME_BYTES, 8 * FRAME_BYTES, 11 * FRAME_BYTES]) {
  test(`${sizeBytes} bytes from the start: the open tells`, async () => {
    const disk = original.image(new Random(1), 'all')
    cut(disk, sizeBytes)
    const log = await openLog(disk, new StillPort(3), OPTIONS)
    assert.ok((await lost(log)).length > 0)
    assert.equal(log.recovery.damage.map(({ file, position }) => [file, position]).slice(0, 1), [[RING, sizeBytes]])
    await log.close()
  })

  test(`${sizeBytes} bytes from any step of the recovery on`, async () => {
    let refused = 0
    for (let step = 0, isOver = false; !isOver; step++) {
      const disk = original.image(new Random(1), 'all')
      let steps = 0
      isOver = true
      disk.watch = () => {
        if (steps++ !== step) return
        isOver = false
        disk.watch = undefined
        cut(disk, sizeBytes)
      }
      if (!(await isNotSilent(disk, `step ${step}`))) refused++
      await isNotSilent(disk.image(new Random(1), 'all'), `after step ${step}`)
    }
    assert.ok(refused > 0, 'no open was refused')
  })
}

test.run()
