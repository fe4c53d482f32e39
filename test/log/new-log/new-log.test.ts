/** Existing batches become a log of their own, with the offsets that they have: gaps, epochs and producers included. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../../bindings/entry/embedded/embedded-log.ts'
import { createKernel } from '../../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../../bindings/kernel/load-kernel.ts'
import { Catalogue } from '../../../bindings/log/catalogue/catalogue.ts'
import { CATALOGUE_TOPIC, INTERNAL_TOPIC_IDS } from '../../../bindings/log/catalogue/topic-ids.ts'
import { NewLog } from '../../../bindings/log/new-log/new-log.ts'
import { encodeBatch } from '../../../bindings/log/partition/encode.ts'
import { BatchScanner } from '../../../bindings/log/segment/batch-scanner.ts'
import { verifyDirectory } from '../../../bindings/log/verify/verify-directory.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { parseTopicConfig } from '../../../bindings/model/topic-config.ts'
import type { Task } from '../../../bindings/storage/effect.ts'
import { runTask } from '../../../bindings/storage/run-task.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { StillPort } from '../../damage/still-port.ts'
import { noProducer } from '../../kernel/support.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const RING = { ringFileBytes: 64 * 1024, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 4, random: () => 0.25 }
const CONFIG = parseTopicConfig({})
const NOW = 1_700_000_000_000
const catalogueId = { topicId: INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC] ?? '', topic: CATALOGUE_TOPIC, partition: 0 }
const id = { topicId: TOPIC_ID, topic: 't', partition: 0 }

const kernel = createKernel(loadKernelModule(), { capBytes: 64 * 1024 * 1024 })

const verified = (store: DirectoryImage) => runTask(verifyDirectory(store, kernel, () => {}))

interface Given {
  readonly baseOffset: number
  readonly values: readonly string[]
  readonly leaderEpoch?: number
  readonly isCleaned?: boolean
}

function bytesOf({ baseOffset, values, leaderEpoch = 3 }: Given): Uint8Array {
  const records = values.map((value) => ({ key: null, value, timestamp: NOW, headers: undefined }))
  const seal = { baseOffset, partitionLeaderEpoch: leaderEpoch, producerId: 7, producerEpoch: 2, attributes: 0 }
  return encodeBatch(kernel, records, { ...seal, baseSequence: baseOffset }, NOW)
}

function* writeLog(store: DirectoryImage, given: readonly Given[]): Task<void> {
  const scanner = new BatchScanner(kernel)
  const log = yield* NewLog.begin({ store, kernel, options: RING })
  try {
    const catalogue = yield* log.partition(catalogueId, CONFIG)
    const topics = new Catalogue().planCreate(TOPIC_ID, 't', 1, {})
    const created = scanner.inBytes(encodeBatch(kernel, topics, noProducer, NOW), 0)
    if (typeof created !== 'string') yield* catalogue.append(created)
    const nothing = { logStartOffset: 0, nextOffset: 0, cleanedOffset: 0, producers: [] }
    yield* log.endPartition(catalogue, nothing)
    const partition = yield* log.partition(id, CONFIG)
    for (const each of given) {
      const batch = scanner.inBytes(bytesOf(each), 0)
      if (typeof batch !== 'string') yield* partition.append(batch, each.isCleaned ?? false)
    }
    yield* log.endPartition(partition, { ...nothing, nextOffset: 5000, producers: partition.producers() })
    yield* log.finish({ generation: 4, leaderEpoch: 1, producerIdsEnd: 0 })
  } finally {
    yield* log.abandon()
    scanner.close()
  }
}

async function seen(store: DirectoryImage): Promise<unknown> {
  const log = await openLog(store, new StillPort(), {})
  const { damage, readOnly } = log.recovery
  const records: string[] = []
  for await (const { offset, value } of log.read('t', { until: 'end' }))
    records.push(`${offset} ${Buffer.from(value ?? [])}`)
  const sent = await log.producer().send({ topic: 't', value: 'new' })
  await log.close()
  return { damage, readOnly, records, sent: sent.offset }
}

const HOLES: readonly Given[] = [
  { baseOffset: 10, values: ['a', 'b'] },
  { baseOffset: 12, values: ['c'] },
  { baseOffset: 100, values: ['d'] },
  { baseOffset: 200, values: ['e', 'f'], leaderEpoch: 5 },
  { baseOffset: 300, values: ['g'], leaderEpoch: 5, isCleaned: true },
  { baseOffset: 400, values: ['h'], leaderEpoch: 5, isCleaned: true },
]

test('offsets stay, readers pass over the holes, the next record comes after what is said to be the end', async () => {
  const store = new DirectoryImage()
  await runTask(writeLog(store, HOLES))
  assert.equal((await verified(store)).damage, [])
  const records = ['10 a', '11 b', '12 c', '100 d', '200 e', '201 f', '300 g', '400 h']
  assert.equal(await seen(store), { damage: [], readOnly: [], records, sent: 5000 })
  assert.equal((await verified(store)).damage, [])
})

test('within a segment no offset is missing but where compaction was or an epoch begins; none is written to later', async () => {
  const store = new DirectoryImage()
  await runTask(writeLog(store, HOLES))
  const segments = store.paths.filter((path) => /^t-0\/.*\.log$/.test(path))
  assert.equal(
    segments.map((path) => Number(path.slice(4, 24))),
    [10, 100, 300, 5000],
  )
  const before = segments.map((path) => store.files.get(path)?.bytes())
  await seen(store)
  assert.equal(
    segments.slice(0, -1).map((path) => store.files.get(path)?.bytes()),
    before.slice(0, -1),
  )
})

test('the batches are those that were given, byte for byte; ids and epochs go on above theirs', async () => {
  const store = new DirectoryImage()
  await runTask(writeLog(store, HOLES))
  const path = store.paths.find((each) => /^t-0\/0+10\.log$/.test(each)) ?? ''
  const expected = Buffer.concat(HOLES.slice(0, 2).map(bytesOf))
  assert.ok(expected.equals(store.files.get(path)?.bytes() ?? new Uint8Array()))
  const log = await openLog(store, new StillPort(), {})
  await log.producer().send({ topic: 't', value: 'new' })
  await log.close()
  const bytes = Buffer.from(store.files.get('t-0/00000000000000005000.log')?.bytes() ?? [])
  assert.is(bytes.readInt32BE(12), 6, 'the leader epoch is above the greatest')
  assert.is(Number(bytes.readBigInt64BE(43)), 8, 'the producer id is above the greatest')
})

test('a batch below those before it is refused, and what was begun is no log', async () => {
  const store = new DirectoryImage()
  const goesBack = [
    { baseOffset: 5, values: ['a'] },
    { baseOffset: 5, values: ['b'] },
  ]
  const code = (error: unknown) => (LogError.is(error) ? error.code : error)
  assert.is(await runTask(writeLog(store, goesBack)).catch(code), 'INVALID_REQUEST')
  assert.is(await openLog(store.fork(), new StillPort(), {}).catch(code), 'COPY_UNFINISHED')
  assert.is(await runTask(writeLog(store, HOLES)).catch(code), 'INVALID_REQUEST', 'it is not empty')
})

test.run()
