// A fetch over many partitions whose batches lie in files: partitions that come first are read first, several at once,
// however few files may be open.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Engine } from '../../bindings/engine/engine.ts'
import { FetchPositions } from '../../bindings/engine/fetch-positions.ts'
import { FetchPurgatory } from '../../bindings/engine/fetch-purgatory.ts'
import { FetchReads } from '../../bindings/engine/fetch-reads.ts'
import { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { Topics } from '../../bindings/engine/topics.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import type { LogError } from '../../bindings/model/errors.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../kernel/support.ts'

const PARTITIONS = 200
const TOPIC = 'many'

async function opened(disk: VirtualDisk, openFilesMax: number): Promise<EmbeddedBroker> {
  const kernel = newKernel()
  const engine = new Engine({
    ceilingBlock: 64,
    transactionBufferBytes: 1 << 20,
    compose: (source) => {
      const ring = { ringFileBytes: 262_144, ringFiles: 2, ringFilesUsual: 8, ringFilesMax: 8 }
      const partitions = new FilePartitionStore(disk, kernel, source, { ...ring, openFilesMax, random: () => 0.5 })
      return { store: partitions, factory: new PartitionFactory(kernel, partitions, 0, partitions.scratch) }
    },
  })
  const broker = new EmbeddedBroker(engine, nodePort)
  await broker.open()
  return broker
}

async function append(broker: EmbeddedBroker, partitions: Iterable<number>): Promise<void> {
  const producer = await broker.openProducer()
  const records = [{ key: null, value: 'x', timestamp: undefined, headers: undefined }]
  for (const partition of partitions) {
    await producer.append({ topic: TOPIC, partition, acks: 'all', producerEpoch: 0, baseSequence: 0, records })
  }
}

/** A log that was closed with a record in each of its partitions: none of them is in memory when it opens again. */
async function reopened(openFilesMax: number): Promise<EmbeddedBroker> {
  const disk = new VirtualDisk()
  const before = await opened(disk, openFilesMax)
  await before.admin.createTopic(TOPIC, { partitions: PARTITIONS, config: {} })
  await append(before, Array(PARTITIONS).keys())
  await before.close()
  return opened(disk.reopened(), openFilesMax)
}

const from = (nextOffset: number) =>
  Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition, nextOffset }))

/** Fetches until each record was read once; answers how many fetches it took. */
async function readAll(broker: EmbeddedBroker): Promise<number> {
  const reader = broker.openReader()
  const read = new Set<number>()
  let answers = 0
  for (let positions = from(0); read.size < PARTITIONS; answers++) {
    assert.ok(answers < PARTITIONS, `${read.size} partitions after ${answers} fetches`)
    const fetched = await reader.fetch({ positions, isolationLevel: 'read_committed', maxBytes: 1e6, wait: false })
    for (const { partition, batches } of fetched) {
      if (batches.length === 0) continue
      assert.not(read.has(partition))
      read.add(partition)
    }
    positions = positions.filter(({ partition }) => !read.has(partition))
  }
  return answers
}

test('batches of several partitions are read into memory together, so that an answer has many of them', async () => {
  const broker = await reopened(64)
  const answers = await readAll(broker)
  assert.ok(answers <= PARTITIONS / 10, `${answers} fetches for ${PARTITIONS} partitions`)
  await broker.close()
})

test('an answer that is full, or meets what isn’t in memory, leaves the rest of the partitions to the next fetch', () => {
  let looks = 0
  const hosted = Array.from({ length: PARTITIONS }, (_, partition) => ({
    id: { topic: TOPIC, topicId: 'id', partition },
    partition: {
      watermarks: { logStartOffset: 0, nextOffset: 1, highWatermark: 1 },
      lastStableOffset: 1,
      readCommitted: () => {
        const missing = partition < 40 ? undefined : 0
        return { batches: missing === undefined ? [{}] : [], nextOffset: missing ?? 1, sizeBytes: 100, missing }
      },
    },
  }))
  const hooks = {
    topics: {
      partition: (_: string, partition: number) => {
        looks++
        return hosted[partition]
      },
    } as never,
    wantShown: () => {},
  }
  const reads = new FetchReads(hooks, new FetchPurgatory())
  const answer = (maxBytes: number, first: number) => {
    looks = 0
    const request = { positions: from(0).slice(first), isolationLevel: 'read_committed', maxBytes, wait: true } as const
    const asked = new FetchPositions('read_committed', false)
    for (const each of request.positions) asked.ask(each)
    const { partitions, missing } = reads.read(request, asked, undefined)
    return [partitions.length, missing.length, looks]
  }
  assert.equal(answer(1000, 0), [10, 0, 10])
  assert.equal(answer(1e6, 0), [40, 0, 41])
  assert.equal(answer(1e6, 40), [0, 16, 16])
})

test('fetches that take the open files from one another get on all the same', async () => {
  for (const openFilesMax of [1, 2, 8]) {
    const broker = await reopened(openFilesMax)
    await Promise.all([readAll(broker), readAll(broker), readAll(broker)])
    await broker.close()
  }
})

test('what an open transaction appends is looked at in its partition alone, by committed readers of many', async () => {
  const broker = await opened(new VirtualDisk(), 64)
  await broker.admin.createTopic(TOPIC, { partitions: PARTITIONS, config: {} })
  const request = { positions: from(0), isolationLevel: 'read_committed', maxBytes: 1e6, wait: true } as const
  const fetched = broker.openReader().fetch(request)
  const session = await broker.openTransactionalProducer({ transactionalId: 'id', timeoutMs: 60_000 })
  const producer = await session.begin()
  const { read } = FetchReads.prototype
  let reads = 0
  FetchReads.prototype.read = function (...given) {
    reads++
    return read.apply(this, given)
  }
  try {
    for (let baseSequence = 0; baseSequence < 20; baseSequence++) {
      const records = [{ key: null, value: 'x', timestamp: undefined, headers: undefined }]
      await producer.append({ topic: TOPIC, partition: 7, acks: 'all', producerEpoch: 0, baseSequence, records })
    }
    assert.is(reads, 0)
    await session.commit()
  } finally {
    FetchReads.prototype.read = read
  }
  const [part, ...more] = (await fetched).filter(({ batches }) => batches.length > 0)
  assert.equal([part?.partition, part?.batches.length, more], [7, 20, []])
  await broker.close()
})

// It looked at all of them again, and told of each that it has nothing.
test('a record that comes to a reader of many is looked for, and told of, in its partition alone', async () => {
  const broker = await opened(new VirtualDisk(), 64)
  await broker.admin.createTopic(TOPIC, { partitions: PARTITIONS, config: {} })
  const options = { isolationLevel: 'read_committed', maxBytes: 1e6, wait: true } as const
  const [reader, twice] = [broker.openReader(), broker.openReader()]
  const fetched = reader.fetch({ positions: from(0), ...options })
  const same = { topic: TOPIC, partition: 7, nextOffset: 0 }
  const both = twice.fetch({ positions: [same, same], ...options })
  const { read } = FetchReads.prototype
  let looks = 0
  FetchReads.prototype.read = function (...given) {
    looks += given[1].ready.all().length
    return read.apply(this, given)
  }
  try {
    await append(broker, [7])
  } finally {
    FetchReads.prototype.read = read
  }
  assert.is(looks, 2)
  for (const answer of [fetched, both]) {
    assert.equal(
      (await answer).map(({ partition, nextOffset }) => [partition, nextOffset]),
      [[7, 1]],
    )
  }
  const waiting = reader.fetch({ positions: from(1).slice(7, 8), ...options })
  reader.wake()
  assert.equal(await waiting, [])
  await broker.close()
})

/** How often partitions are looked for by their names while `run` goes on. */
async function looksIn(run: () => Promise<void>): Promise<number> {
  const { partition } = Topics.prototype
  let looks = 0
  Topics.prototype.partition = function (...given) {
    looks++
    return partition.apply(this, given)
  }
  try {
    await run()
  } finally {
    Topics.prototype.partition = partition
  }
  return looks
}

// Each fetch looked at all of its partitions twice: 2.5 ms a record where there are 2,000.
test('a reader that keeps what it asks for is asked about the partitions alone that advanced', async () => {
  const broker = await opened(new VirtualDisk(), 64)
  await broker.admin.createTopic(TOPIC, { partitions: PARTITIONS, config: {} })
  const options = { isolationLevel: 'read_committed', maxBytes: 1e6, wait: true } as const
  const reader = broker.openReader()
  const first = reader.fetch({ positions: from(0), changes: { isFull: true, forgotten: [] }, ...options })
  const further = (positions: ReturnType<typeof from>, forgotten: readonly number[] = []) => {
    const places = forgotten.map((partition) => ({ topic: TOPIC, partition }))
    return reader.fetch({ positions, changes: { isFull: false, forgotten: places }, ...options })
  }
  const placesOf = (fetched: Awaited<typeof first>) =>
    fetched.map(({ partition, nextOffset }) => [partition, nextOffset])
  const at = (partition: number, nextOffset: number) => ({ topic: TOPIC, partition, nextOffset })
  await append(broker, [7])
  assert.equal(placesOf(await first), [[7, 1]])
  const looks = await looksIn(async () => {
    // Partition 7 was answered and isn't asked for again, 8 is forgotten; 9 and 10 advance while nothing is fetched.
    await append(broker, [7, 8, 9, 10])
    assert.equal(placesOf(await further([], [8])), [
      [9, 1],
      [10, 1],
    ])
    const waiting = further([at(10, 1), at(9, 1)])
    await append(broker, [8, 10])
    assert.equal(placesOf(await waiting), [[10, 2]])
    assert.equal(placesOf(await further([at(7, 1)])), [[7, 2]])
  })
  assert.ok(looks < 30, `${looks} looks`)
  const last = further([])
  await reader.close()
  assert.equal(await last, [])
  await append(broker, [11])
  const anew = reader.fetch({ positions: [at(9, 0)], changes: { isFull: false, forgotten: [] }, ...options })
  assert.equal(placesOf(await anew), [[9, 1]])
  await broker.close()
})

test('a reader that was dropped and not closed waits nowhere once its memory was collected', async () => {
  const broker = await opened(new VirtualDisk(), 64)
  await broker.admin.createTopic(TOPIC, { partitions: 1, config: {} })
  const options = { isolationLevel: 'read_committed', maxBytes: 1e6, wait: false } as const
  const position = { topic: TOPIC, partition: 0, nextOffset: 0 }
  const drop = async () => {
    const request = { positions: [position], changes: { isFull: true, forgotten: [] }, ...options }
    for (let reader = 0; reader < 100; reader++) assert.equal(await broker.openReader().fetch(request), [])
  }
  await drop()
  const { at } = FetchPurgatory.prototype
  let waited = 0
  FetchPurgatory.prototype.at = function (...given) {
    const positions = at.apply(this, given)
    waited = Math.max(waited, positions.length)
    return positions
  }
  try {
    await collectGarbage()
    await append(broker, [0])
  } finally {
    FetchPurgatory.prototype.at = at
  }
  assert.ok(waited < 10, `${waited} positions of readers that are gone`)
  await broker.close()
})

/** Collects what nobody holds, and lets the registries of such things hear of it. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let time = 0; time < 3; time++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a partition in memory is not answered before one that comes first and must be read from files', async () => {
  const broker = await reopened(64)
  await append(broker, [PARTITIONS - 1])
  const positions = [...from(0).slice(0, 1), { topic: TOPIC, partition: PARTITIONS - 1, nextOffset: 1 }]
  const request = { positions, isolationLevel: 'read_committed', maxBytes: 1e6, wait: false } as const
  const [first] = await broker.openReader().fetch(request)
  assert.equal([first?.partition, first?.batches.length], [0, 1])
  await broker.close()
})

for (const isolationLevel of ['read_uncommitted', 'read_committed'] as const) {
  test(`who waits before a batch that the ceiling runs through gets it once that is higher: ${isolationLevel}`, async () => {
    const broker = await opened(new VirtualDisk(), 64)
    await broker.admin.createTopic(TOPIC, { partitions: 1, config: {} })
    const producer = await broker.openProducer()
    const send = (baseSequence: number, count: number) => {
      const records = Array.from({ length: count }, () => ({ key: null, value: 'x' }))
      return producer.append({ topic: TOPIC, partition: 0, acks: 1, producerEpoch: 0, baseSequence, records })
    }
    await send(0, 1)
    const sent = send(1, 200)
    const reader = broker.openReader()
    const positions = [{ topic: TOPIC, partition: 0, nextOffset: 1 }]
    const fetched = reader.fetch({ positions, isolationLevel, maxBytes: 1e6, wait: true })
    await sent
    let isLate = false
    const late = setTimeout(() => {
      isLate = true
      reader.wake()
    }, 2000)
    assert.equal(
      (await fetched).map(({ batches, nextOffset }) => [batches.length, nextOffset]),
      [[1, 201]],
    )
    assert.not.ok(isLate, 'nobody had to wake it')
    clearTimeout(late)
    await broker.close()
  })
}

/** A reader that waits in a topic of one partition for more of them, or for the topic's end. */
async function awaitingPartitions(): Promise<{ broker: EmbeddedBroker; told: Promise<unknown> }> {
  const broker = await opened(new VirtualDisk(), 64)
  await broker.admin.createTopic(TOPIC, { partitions: 1, config: {} })
  await append(broker, [0])
  const positions = [{ topic: TOPIC, partition: 0, nextOffset: 1 }]
  const options = { isolationLevel: 'read_uncommitted', maxBytes: 1e6, wait: true, knownPartitions: 1 } as const
  const fetched = broker.openReader().fetch({ positions, ...options })
  return { broker, told: fetched.catch((error: LogError) => error.code) }
}

test('a topic gets partitions and is deleted in one commit: who waits for partitions is told that it is gone', async () => {
  const { broker, told } = await awaitingPartitions()
  await Promise.all([broker.admin.createPartitions(TOPIC, 2), broker.admin.deleteTopic(TOPIC)])
  assert.is(await told, 'UNKNOWN_TOPIC_OR_PARTITION')
  await broker.close()
})

test('records are deleted and then their topic in one commit: who waits for partitions is told that it is gone', async () => {
  const { broker, told } = await awaitingPartitions()
  const at = [{ topic: TOPIC, partition: 0, beforeOffset: 1 }]
  await Promise.all([broker.admin.deleteRecords(at), broker.admin.deleteTopic(TOPIC)])
  assert.is(await told, 'UNKNOWN_TOPIC_OR_PARTITION')
  await broker.close()
})

test.run()
