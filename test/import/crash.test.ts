/**
 * A crash at any operation of an import leaves a directory that refuses to open, or the whole log; never a part of it.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { importing, seen } from './imported.ts'
import { batch, commit, IDS, KafkaSource } from './kafka-source.ts'

await nodePort.ready?.()

function source(): VirtualDisk {
  const { key, value } = commit(['g', 't', 0], 2)
  return new KafkaSource()
    .partition('t-0', IDS[0], batch(0, { values: ['0', '1'] }), batch(5, { values: ['5'] }))
    .partition('__consumer_offsets-0', IDS[1], batch(0, { keys: [key], values: [value] })).disk
}

/** What an opening finds: `refused`, or the records. */
async function opened(disk: VirtualDisk): Promise<string> {
  try {
    const log = await openLog(disk, nodePort)
    const groups = await log.admin.listGroups()
    const found = `${await seen(log, 't')} ${groups.map(({ offsets }) => offsets[0]?.nextOffset)}`
    await log.close()
    return found
  } catch (error) {
    if (LogError.is(error, 'COPY_UNFINISHED')) return 'refused'
    throw error
  }
}

test('a crash before each operation', async () => {
  const random = new Random(7)
  const target = new VirtualDisk()
  const images: VirtualDisk[] = []
  target.watch = () => {
    for (const mode of ['kill', 'none', 'mixed', 'torn'] as const) images.push(target.image(random, mode))
  }
  await runTask(importing(source(), target))
  target.watch = undefined
  const outcomes = new Map<string, number>()
  for (const image of images) {
    const outcome = image.list('').length === 0 ? 'empty' : await opened(image)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  assert.equal([...outcomes.keys()].sort(), ['0:0,1:1,5:5 2', 'empty', 'refused'])
  assert.ok((outcomes.get('refused') ?? 0) > 100, 'most of it')
})

test('a target that holds something is refused, and nothing is written into it', async () => {
  const target = new KafkaSource().disk
  const before = target.digest()
  try {
    await runTask(importing(source(), target))
    assert.unreachable()
  } catch (error) {
    assert.ok(LogError.is(error, 'INVALID_REQUEST'))
  }
  assert.is(target.digest(), before)
})

const MEANWHILE: readonly (readonly [string, (running: VirtualDisk) => void])[] = [
  [
    'writes',
    (running) => {
      const file = running.open('t-0/00000000000000000000.log', { create: false })
      file?.write(new Uint8Array(10), file.size())
    },
  ],
  [
    'begins a segment',
    (running) => {
      running.open('t-0/00000000000000000006.log', { create: true })?.write(batch(6, { values: ['6'] }), 0)
    },
  ],
]

for (const [what, write] of MEANWHILE) {
  test(`a broker that ${what} meanwhile is noticed, and the target is no log`, async () => {
    const running = source()
    const target = new VirtualDisk()
    const progressed = () => {
      if (target.list('').length > 0) write(running)
    }
    try {
      await runTask(importing(running, target, { progressed }))
      assert.unreachable()
    } catch (error) {
      assert.ok(LogError.is(error, 'INVALID_REQUEST'))
      assert.match(error.message, /changed while it was read/)
    }
    assert.is(await opened(target.reopened()), 'refused')
  })
}

test('nothing that a broker wrote, a log of ours, an unknown topic, a missing partition: refused before anything is made', async () => {
  const cases: readonly (readonly [VirtualDisk, string])[] = [
    [new VirtualDisk(), 'INVALID_REQUEST'],
    [new KafkaSource().file('journal/header', new Uint8Array(1)).disk, 'INVALID_REQUEST'],
    [new KafkaSource().partition('t-1', IDS[0]).disk, 'INVALID_REQUEST'],
    [new KafkaSource().partition('t-0', IDS[0]).partition('t-1', IDS[1]).disk, 'CORRUPT_LOG'],
    [source(), 'UNKNOWN_TOPIC_OR_PARTITION'],
  ]
  for (const [disk, code] of cases) {
    const target = new VirtualDisk()
    try {
      await runTask(importing(disk, target, code.startsWith('UNKNOWN') ? { topics: new Set(['nowhere']) } : {}))
      assert.unreachable()
    } catch (error) {
      assert.ok(LogError.is(error, code), `${code}: ${error}`)
    }
    assert.equal(target.list(''), [])
  }
})

test.run()
