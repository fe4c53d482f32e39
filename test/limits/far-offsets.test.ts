// Offsets beyond 32 bits, up to the limit of exact doubles: records there are read, sought, committed, deleted and
// compacted as anywhere, a segment's relative offsets keep to 32 bits, and after the last offset sends are refused by
// name.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { OFFSETS_MAX } from '../../bindings/model/limits.ts'
import { CommandLine } from '../cli/support.ts'
import { FakePort } from '../client/fake-port.ts'
import type { DirectoryImage } from '../damage/directory-image.ts'
import { StillPort } from '../damage/still-port.ts'
import { plantedLog, START_MS, TOPIC } from './planted-log.ts'

const RECORDS = 3
const at = { topic: TOPIC, partition: 0 }
/** 2^32 lies between its records and those that follow. */
const NEAR_32_BITS = 2 ** 32 - 5

const opened = (image: DirectoryImage): Promise<EmbeddedLog> => openLog(image, new StillPort(9))

async function offsetsOf(log: EmbeddedLog): Promise<number[]> {
  const offsets: number[] = []
  for await (const { offset } of log.read(TOPIC, { until: 'end' })) offsets.push(offset)
  return offsets
}

async function sendMany(log: EmbeddedLog, count: number, acks: 1 | 'all' = 'all'): Promise<number[]> {
  const producer = log.producer({ acks })
  const offsets: number[] = []
  for (let index = 0; index < count; index++) {
    const { offset } = await producer.send({
      topic: TOPIC,
      key: `k${index % 2}`,
      value: `more ${index}`,
      timestamp: START_MS + 100 + index,
    })
    offsets.push(offset)
  }
  return offsets
}

function from(offset: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => offset + index)
}

async function codeOf(asked: Promise<unknown>): Promise<LogError | undefined> {
  try {
    await asked
    return undefined
  } catch (error) {
    if (LogError.is(error)) return error
    throw error
  }
}

test('beyond 2^32: appended, rolled, found by offset and time, committed, deleted, over a restart', async () => {
  const image = await plantedLog({ records: RECORDS, baseOffset: NEAR_32_BITS, config: { 'segment.bytes': 300 } })
  const log = await opened(image)
  assert.equal(await offsetsOf(log), from(NEAR_32_BITS, RECORDS))
  const more = await sendMany(log, 8)
  assert.equal(more, from(NEAR_32_BITS + RECORDS, 8))
  assert.equal(await offsetsOf(log), from(NEAR_32_BITS, 11))
  for (const offset of [NEAR_32_BITS, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 3]) {
    assert.is((await log.get(TOPIC, { partition: 0, offset }))?.offset, offset)
  }
  assert.is((await log.admin.offsetsForTimestamp([at], START_MS + 103))[0]?.nextOffset, more[3])
  const consumer = log.consumer({ groupId: 'g', topics: [TOPIC] })
  await consumer.committed(at)
  await consumer.commit([{ ...at, nextOffset: 2 ** 32 + 1 }], { allowSkip: true })
  await consumer.close()
  const segments = image.paths.filter((path) => path.startsWith(`${TOPIC}-0/`) && path.endsWith('.log'))
  assert.ok(
    segments.some((path) => Number(path.split('/')[1]?.slice(0, 20)) > 2 ** 32),
    `${segments}`,
  )
  await log.admin.deleteRecords([{ ...at, beforeOffset: 2 ** 32 + 1 }])
  await log.close()

  const again = await opened(image)
  assert.ok(again.recovery.clean)
  assert.equal(await offsetsOf(again), from(2 ** 32 + 1, 5))
  assert.is(await again.consumer({ groupId: 'g', topics: [TOPIC] }).committed(at), 2 ** 32 + 1)
  const gone = await codeOf(again.get(TOPIC, { partition: 0, offset: NEAR_32_BITS }))
  assert.is(gone?.code, 'OFFSET_OUT_OF_RANGE')
  assert.is(gone?.details['logStartOffset'], 2 ** 32 + 1)
  await again.close()
})

test('beyond 2^32: killed, what was acknowledged is there; with acks 1 it goes on at the ceiling', async () => {
  const image = await plantedLog({ records: RECORDS, baseOffset: NEAR_32_BITS })
  const log = await opened(image)
  const durable = await sendMany(log, 4)
  const relaxed = await sendMany(log, 4, 1)
  const killed = image.fork()
  const again = await opened(killed)
  assert.is(again.recovery.clean, false)
  assert.equal(again.recovery.damage, [])
  assert.equal(await offsetsOf(again), [...from(NEAR_32_BITS, RECORDS), ...durable, ...relaxed])
  const [next = 0] = await sendMany(again, 1)
  assert.ok(next > (relaxed.at(-1) ?? 0), `${next}`)
  assert.ok(next <= 2 ** 32 + 2 * 65_536, `${next}`)
  await again.close()
  await log.close()
})

test('beyond 2^32: compaction leaves the newest of each key where it stood', async () => {
  const config = { 'cleanup.policy': 'compact', 'segment.bytes': 300, 'min.cleanable.dirty.ratio': 0 }
  const image = await plantedLog({ records: RECORDS, baseOffset: NEAR_32_BITS, config })
  const port = new FakePort()
  const log = await openLog(image, port)
  const more = await sendMany(log, 10)
  await port.advance(120_000)
  const left = await offsetsOf(log)
  assert.ok(left.length < RECORDS + more.length, `${left.length} are left`)
  assert.equal(left.slice(-2), more.slice(-2))
  assert.ok(left.every((offset) => offset >= NEAR_32_BITS))
  await log.close()
  const again = await opened(image)
  assert.equal(await offsetsOf(again), left)
  await again.close()
})

test('a segment holds no relative offset beyond 32 bits: the next batch rolls', async () => {
  const image = await plantedLog({ records: RECORDS, ceiling: 2 ** 31 - 2 })
  const before = await opened(image)
  const relaxed = await sendMany(before, 1, 1)
  const killed = image.fork()
  await before.close()
  const log = await opened(killed)
  const more = await sendMany(log, 4)
  assert.equal(more, from(2 ** 31 - 2, 4))
  const all = [...from(0, RECORDS), ...relaxed, ...more]
  assert.equal(await offsetsOf(log), all)
  const paths = killed.paths.filter((path) => path.startsWith(`${TOPIC}-0/`) && path.endsWith('.log'))
  assert.equal(
    paths.map((path) => Number(path.split('/')[1]?.slice(0, 20))),
    [0, 2 ** 31],
  )
  await log.close()
  const again = await opened(killed)
  assert.equal(await offsetsOf(again), all)
  assert.is((await again.get(TOPIC, { partition: 0, offset: 2 ** 31 - 1 }))?.offset, 2 ** 31 - 1)
  assert.is((await again.admin.offsetsForTimestamp([at], START_MS + 102))[0]?.nextOffset, more[2])
  await again.close()
})

test('after the last offset a send is refused by name; all else goes on, over a kill too', async () => {
  const image = await plantedLog({ records: RECORDS, baseOffset: OFFSETS_MAX - 5 })
  const log = await opened(image)
  assert.equal(await sendMany(log, 2, 1), from(OFFSETS_MAX - 2, 2))
  for (const acks of [1, 'all'] as const) {
    const refused = await codeOf(sendMany(log, 1, acks))
    assert.is(refused?.code, 'INVALID_REQUEST')
    assert.is(refused?.details['partition'], 0)
  }
  await log.admin.createTopic('other', { partitions: 1 })
  await log.producer().send({ topic: 'other', value: 'goes on' })
  const killed = image.fork()
  await log.close()
  for (const [name, each] of Object.entries({ closed: image, killed })) {
    const again = await opened(each)
    assert.equal(again.recovery.damage, [], name)
    assert.equal(await offsetsOf(again), from(OFFSETS_MAX - 5, 5), name)
    assert.is((await codeOf(sendMany(again, 1)))?.code, 'INVALID_REQUEST', name)
    await again.close()
  }
})

test('ten below 2^53: read, committed, deleted', async () => {
  const first = 2 ** 53 - 10
  const image = await plantedLog({ records: RECORDS, baseOffset: first })
  const log = await opened(image)
  assert.equal(await offsetsOf(log), from(first, RECORDS))
  assert.is((await log.get(TOPIC, { partition: 0, offset: first + 2 }))?.offset, first + 2)
  assert.is((await codeOf(sendMany(log, 1)))?.code, 'INVALID_REQUEST')
  const consumer = log.consumer({ groupId: 'g', topics: [TOPIC] })
  await consumer.committed(at)
  await consumer.commit([{ ...at, nextOffset: first + 3 }], { allowSkip: true })
  await consumer.close()
  await log.admin.deleteRecords([{ ...at, beforeOffset: first + 1 }])
  await log.close()
  const again = await opened(image)
  assert.equal(await offsetsOf(again), [first + 1, first + 2])
  assert.is(await again.consumer({ groupId: 'g', topics: [TOPIC] }).committed(at), first + 3)
  await again.close()
})

test('the command line says such offsets whole', async () => {
  const cli = new CommandLine()
  try {
    const image = await plantedLog({ records: RECORDS, baseOffset: 2 ** 53 - 10 })
    image.writeTo(cli.log)
    const run = (...words: string[]) => {
      const { status, out, err } = cli.run([...words, '--json'])
      assert.is(status, 0, `${words}: ${err}${out}`)
      return out
    }
    const offsets = run('consume', TOPIC)
      .trim()
      .split('\n')
      .map((line) => /"offset":(\d+)/.exec(line)?.[1])
    assert.equal(offsets, ['9007199254740982', '9007199254740983', '9007199254740984'])
    assert.match(run('topics', 'describe', TOPIC), '9007199254740985')
    assert.match(run('verify'), /\S/)
  } finally {
    cli.remove()
  }
})

test.run()
