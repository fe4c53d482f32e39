// Logs with hardly any kernel memory: what they refuse, and what is left of them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, type LogError, open } from '../../bindings/entry/node.ts'
import { failure } from '../client/support.ts'
import { scratchDirectory } from '../scratch.ts'

/** The kernel's memory grows by these. */
const PAGE_BYTES = 64 * 1024

test('a log without memory for a record decides what is decided, and closes', async () => {
  const directory = scratchDirectory('little-memory')
  await failure('MEMORY_CAP_REACHED', () => open(directory, { memoryBytes: 900 * 1024 }))
  const little = await open(directory, { memoryBytes: 1024 * 1024 })
  await little.admin.createTopic('t')
  await little.admin.setOffsets('g', [{ topic: 't', partition: 0, nextOffset: 0 }])
  await little.close()
  const log = await open(directory)
  assert.ok(log.recovery.clean)
  assert.is((await log.producer().send({ topic: 't', value: 'x' })).offset, 0)
  await log.close()
  await failure('MEMORY_CAP_REACHED', () => open(directory, { memoryBytes: 1024 * 1024 }))
  const again = await open(directory, { memoryBytes: 2 * 1024 * 1024 })
  assert.is((await again.get('t', { partition: 0, offset: 0 }))?.offset, 0)
  await again.close()
})

test('a cap of any size that is too small for a log leaves the directory to the next who opens it', async () => {
  const directory = scratchDirectory('too-little-memory')
  const refusals = new Set<string>()
  const exclusive = true
  for (let memoryBytes = 1; ; memoryBytes += PAGE_BYTES) {
    const opened = await open(directory, { memoryBytes, exclusive }).catch((error: unknown) => error)
    if (!(opened instanceof Error)) {
      await (opened as EmbeddedLog).close()
      break
    }
    refusals.add((opened as LogError).code)
  }
  assert.equal([...refusals], ['MEMORY_CAP_REACHED'])
  const log = await open(directory, { exclusive })
  await log.close()
})

test('producers that never pause leave readers room: not one read is refused, in two mebibytes', async () => {
  const directory = scratchDirectory('readers-in-little-memory')
  const log = await open(directory, { memoryBytes: 2 * 1024 * 1024 })
  const partitions = 20
  const rounds = 8
  await log.admin.createTopic('t', { partitions })
  const producer = log.producer()
  const value = new Uint8Array(20_000)
  let read = 0
  for (let round = 1; round <= rounds; round++) {
    const places = Array.from({ length: partitions }, (_, partition) => partition)
    await Promise.all(places.map((partition) => producer.send({ topic: 't', partition, value })))
    for (const partition of places) assert.is((await log.get('t', { partition, offset: 0 }))?.offset, 0)
    for await (const record of log.read('t', { until: 'end' })) read += record.value?.length === value.length ? 1 : 0
    assert.is(read, (partitions * round * (round + 1)) / 2, `round ${round}`)
  }
  await log.close()
})

test('and room for a compressed batch, which takes memory for its plain bytes too', async () => {
  const directory = scratchDirectory('compressed-in-little-memory')
  const log = await open(directory, { memoryBytes: 2 * 1024 * 1024 })
  const partitions = 20
  await log.admin.createTopic('t', { partitions, config: { 'compression.type': 'gzip' } })
  const producer = log.producer()
  const value = new Uint8Array(400_000)
  const places = Array.from({ length: partitions }, (_, partition) => partition)
  for (const partition of places) await producer.send({ topic: 't', partition, value })
  for (const partition of places) {
    assert.is((await log.get('t', { partition, offset: 0 }))?.value?.length, value.length)
  }
  await log.close()
})

test('and room for an index of 600 KiB: for a record by its offset, a time, and the first send to its partition', async () => {
  const directory = scratchDirectory('large-index-in-little-memory')
  const before = await open(directory)
  const [partitions, count] = [24, 30_000]
  await before.admin.createTopic('t', { partitions })
  await before.admin.createTopic('indexed', { config: { 'index.interval.bytes': 0, 'max.message.bytes': 100 } })
  await before.producer().send(Array.from({ length: count }, () => ({ topic: 'indexed', value: 'x' })))
  await before.close()
  const at = { topic: 'indexed', partition: 0 }
  const uses: readonly ((log: EmbeddedLog) => Promise<unknown>)[] = [
    async (log) => (await log.get('indexed', { partition: 0, offset: count - 1 }))?.offset === count - 1,
    async (log) => (await log.admin.offsetsForTimestamp([at], 1))[0]?.nextOffset === 0,
    async (log) => (await log.producer().send({ topic: 'indexed', value: 'x' })).offset === count,
  ]
  for (const use of uses) {
    const log = await open(directory, { memoryBytes: 2 * 1024 * 1024 })
    const value = new Uint8Array(40_000)
    const places = Array.from({ length: partitions }, (_, partition) => partition)
    await Promise.all(places.map((partition) => log.producer().send({ topic: 't', partition, value })))
    assert.ok(await use(log))
    await log.close()
  }
})

test.run()
