// Positions near 2^31, where Kafka's end: a segment of 2 GiB less a few hundred bytes takes what fits and no byte more,
// is searched by its indexes, rolls exactly at the limit, and comes back after a kill. The real 2 GiB:
// bench/limits/segments.ts.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import type { DirectoryImage } from '../damage/directory-image.ts'
import { StillPort } from '../damage/still-port.ts'
import { plantedLog, START_MS, TOPIC } from './planted-log.ts'

const SEGMENT_BYTES = 2 ** 31 - 1
const RECORDS = 3
const at = { topic: TOPIC, partition: 0 }

const opened = (image: DirectoryImage): Promise<EmbeddedLog> => openLog(image, new StillPort(9))

function sizes(image: DirectoryImage): (readonly [base: number, sizeBytes: number])[] {
  const paths = image.paths.filter((path) => path.startsWith(`${TOPIC}-0/`) && path.endsWith('.log'))
  return paths.map((path) => [Number(path.split('/')[1]?.slice(0, 20)), image.files.get(path)?.sizeBytes ?? 0])
}

/** Bytes of a batch with one such record. */
async function batchBytes(valueBytes: number): Promise<number> {
  const image = await plantedLog({ records: 0 })
  const log = await opened(image)
  await send(log, valueBytes, 0)
  await log.close()
  return sizes(image)[0]?.[1] ?? 0
}

async function send(log: EmbeddedLog, valueBytes: number, index: number): Promise<number> {
  const record = { topic: TOPIC, value: 'v'.repeat(valueBytes), timestamp: START_MS + 100 + index }
  return (await log.producer({ batchSizeBytes: 0 }).send(record)).offset
}

async function check(log: EmbeddedLog, offsets: readonly number[]): Promise<void> {
  for (const offset of offsets) assert.is((await log.get(TOPIC, { partition: 0, offset }))?.offset, offset)
  const read: number[] = []
  for await (const { offset } of log.read(TOPIC, { from: 'earliest', until: 'end' })) read.push(offset)
  assert.equal(read, offsets)
}

for (const spare of [0, -1]) {
  test(`two batches fit to the last byte${spare < 0 ? ', but for one' : ''}: the segment takes what fits`, async () => {
    const sizeBytes = await batchBytes(200)
    const planted = await plantedLog({ records: RECORDS, config: { 'segment.bytes': SEGMENT_BYTES } })
    const present = sizes(planted)[0]?.[1] ?? 0
    const position = SEGMENT_BYTES - present - 2 * sizeBytes - spare
    const image = await plantedLog({ records: RECORDS, position, config: { 'segment.bytes': SEGMENT_BYTES } })
    const log = await opened(image)
    assert.ok(log.recovery.clean)
    await check(log, [0, 1, 2])
    const more = [await send(log, 200, 0), await send(log, 200, 1)]
    assert.equal(more, [3, 4])
    const expected =
      spare === 0
        ? [[0, SEGMENT_BYTES]]
        : [
            [0, SEGMENT_BYTES - sizeBytes + 1],
            [4, sizeBytes],
          ]
    assert.equal(sizes(image), expected)
    assert.is(await send(log, 200, 2), 5)
    assert.is(sizes(image).length, 2)
    assert.is((await log.admin.offsetsForTimestamp([at], START_MS + 101))[0]?.nextOffset, 4)
    const killed = image.fork()
    await log.close()
    for (const [name, each] of Object.entries({ closed: image, killed })) {
      const again = await opened(each)
      assert.equal(again.recovery.damage, [], name)
      await check(again, [0, 1, 2, 3, 4, 5])
      await again.close()
    }
  })
}

test.run()
