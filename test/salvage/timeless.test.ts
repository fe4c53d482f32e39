/** Kafka's oldest producers gave records no time: a batch of theirs says nothing against the noted time of a segment. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importKafka } from '../../bindings/entry/import/import-kafka.ts'
import { NewLog } from '../../bindings/log/new-log/new-log.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { altered, batch, IDS, KafkaSource, kernel, TIME } from '../import/kafka-source.ts'
import { batchesOf } from './batches.ts'
import { salvaged } from './run.ts'

const RING = { ringFileBytes: 65_536, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 8 }
const NO_TIMESTAMP = -1n

function timeless(bytes: Uint8Array): Uint8Array {
  return altered(bytes, (view) => {
    view.setBigInt64(27, NO_TIMESTAMP)
    view.setBigInt64(35, NO_TIMESTAMP)
  })
}

test("a damaged head loses its batch alone, though the segment's first batch has no time", async () => {
  const [first, ...others] = ['zero', 'one', 'two', 'three', 'four'].map((value, at) => batch(at, { values: [value] }))
  const source = new KafkaSource().partition('t-0', IDS[0], timeless(first as Uint8Array), ...others)
  const image = new DirectoryImage()
  const options = { ...RING, random: () => 0.5 }
  await runTask(
    importKafka(source.disk, kernel, () => NewLog.begin({ store: image, kernel, options }), {
      source: 'source',
      groups: true,
      leaveOutDamaged: false,
      now: TIME * 1.01,
      newTopicId: () => IDS[1],
      progressed: () => {},
    }),
  )
  const damaged = (batchesOf(image).get('t-0') ?? [])[3]?.position ?? 0
  image.open('t-0/00000000000000000000.log', { create: false })?.write(new Uint8Array(16).fill(0x55), damaged)
  const { copy, report } = await salvaged(image)
  assert.equal(
    batchesOf(copy)
      .get('t-0')
      ?.map(({ baseOffset }) => baseOffset),
    [0, 1, 2, 4],
  )
  assert.equal(
    report.losses.map(({ offset, nextOffset }) => [offset, nextOffset]),
    [[3, 4]],
  )
})

test.run()
