/** Committed offsets of groups, in every version that Kafka wrote, plain and in transactions. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { imported, importing } from './imported.ts'
import { batch, commit, commitKey, IDS, KafkaSource, marker } from './kafka-source.ts'

await nodePort.ready?.()

const topicOf = (count: number) => batch(0, { values: Array.from({ length: count }, (_, index) => `${index}`) })

type Commit = { readonly key: Uint8Array; readonly value: Uint8Array | null }

function commits(baseOffset: number, entries: readonly Commit[], producerId?: number): Uint8Array {
  const transaction = producerId === undefined ? {} : { producerId, isTransactional: true }
  const wish = { keys: entries.map(({ key }) => key), values: entries.map(({ value }) => value), ...transaction }
  return batch(baseOffset, wish)
}

async function committed(log: EmbeddedLog): Promise<string[]> {
  const groups = await log.admin.listGroups()
  return groups
    .flatMap(({ groupId, offsets }) =>
      offsets.map((each) => `${groupId} ${each.topic}-${each.partition} ${each.nextOffset}`),
    )
    .sort()
}

test('each version is read, tombstones remove, records of groups and members are passed over', async () => {
  const source = new KafkaSource()
    .partition('t-0', IDS[0], topicOf(9))
    .partition(
      '__consumer_offsets-3',
      IDS[1],
      commits(0, [
        ...[0, 1, 2, 3, 4].map((version) => commit([`v${version}`, 't', 0], version + 1, version)),
        commit(['gone', 't', 0], 5),
        { key: Uint8Array.of(0, 2, 0, 1, 0x67), value: Uint8Array.of(1) },
        { key: Uint8Array.of(0, 9, 0, 1, 0x67), value: Uint8Array.of(1) },
      ]),
      commits(20, [{ key: commitKey(['gone', 't', 0]), value: null }, commit(['v0', 't', 0], 8)]),
    )
  const { log, report } = await imported(source.disk)
  assert.equal(await committed(log), ['v0 t-0 8', 'v1 t-0 2', 'v2 t-0 3', 'v3 t-0 4', 'v4 t-0 5'])
  assert.equal(
    report.groups.map(({ groupId, offsets }) => [groupId, offsets]),
    ['v0', 'v1', 'v2', 'v3', 'v4'].map((group) => [group, 1]),
  )
  let withMetadata = 0
  for await (const { value } of log.read('__consumer_offsets', { until: 'end' }))
    if (Buffer.from(value ?? []).includes('meta')) withMetadata++
  assert.is(withMetadata, 5)
  const consumer = log.consumer({ groupId: 'v0', topics: ['t'] })
  for await (const { offset } of consumer) {
    assert.is(offset, 8)
    break
  }
  await consumer.close()
  await log.close()
})

test('offsets of a transaction count from its marker on; of two commits the later record wins', async () => {
  const at = (group: string, offset: number) => commit([group, 't', 0], offset)
  const source = new KafkaSource(false)
    .partition('t-0', IDS[0], topicOf(9))
    .partition(
      '__consumer_offsets-0',
      IDS[1],
      commits(0, [at('both', 1), at('aborted', 1), at('open', 1)]),
      commits(3, [at('both', 2), at('committed', 2)], 5),
      commits(5, [at('aborted', 3)], 6),
      commits(6, [at('both', 4)]),
      marker(7, 5, true),
      marker(8, 6, false),
      commits(9, [at('open', 5)], 7),
    )
  const { log, report } = await imported(source.disk)
  assert.equal(await committed(log), ['aborted t-0 1', 'both t-0 4', 'committed t-0 2', 'open t-0 1'])
  assert.ok(report.leftOut.some(({ why }) => /offsets of a transaction of producer 7/.test(why)))
  await log.close()
})

test('what is not imported, or meant for an earlier topic of the name, is left out and told', async () => {
  const source = new KafkaSource()
    .partition('t-0', IDS[0], topicOf(9))
    .partition('u-0', IDS[2], topicOf(9))
    .partition(
      '__consumer_offsets-0',
      IDS[1],
      commits(0, [
        commit(['g', 't', 0], 3, 4, IDS[0]),
        commit(['g', 't', 1], 3),
        commit(['old', 't', 0], 3, 4, IDS[2]),
        commit(['g', 'u', 0], 3),
        commit(['g', 'never', 0], 3),
        commit(['', 't', 0], 3),
      ]),
    )
  const { log, report } = await imported(source.disk, { topics: new Set(['t']) })
  assert.equal(await committed(log), ['g t-0 3'])
  assert.equal(await log.admin.listTopics(), ['t'])
  assert.is(report.leftOut.filter(({ file }) => file === '__consumer_offsets').length, 5)
  await log.close()
  const without = await imported(source.disk, { groups: false })
  assert.equal(await committed(without.log), [])
  await without.log.close()
})

test('a group that had read beyond what is left of the log reads everything that is written from then on', async () => {
  const source = new KafkaSource(false)
    .partition('t-0', IDS[0], topicOf(2))
    .partition('__consumer_offsets-0', IDS[1], commits(0, [commit(['g', 't', 0], 6)]))
  const { log } = await imported(source.disk)
  assert.is((await log.producer().send({ topic: 't', value: 'new' })).offset, 6)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  for await (const { offset } of consumer) {
    assert.is(offset, 6)
    break
  }
  await consumer.close()
  await log.close()
})

test('a committed offset that would leave none for new records is left out and told', async () => {
  const source = new KafkaSource()
    .partition('t-0', IDS[0], topicOf(2))
    .partition(
      '__consumer_offsets-0',
      IDS[1],
      commits(0, [commit(['g', 't', 0], Number.MAX_SAFE_INTEGER), commit(['h', 't', 0], 2)]),
    )
  const { log, report } = await imported(source.disk)
  assert.is((await log.producer().send({ topic: 't', value: 'new' })).offset, 2)
  assert.equal(await committed(log), ['h t-0 2'])
  assert.ok(report.leftOut.some(({ why }) => /group "g": its offset is beyond 2\^52/.test(why)))
  await log.close()
})

test("a partition of the broker's groups may hold more offsets than a call takes arguments", async () => {
  const groups = 150_000
  const each = 5000
  const batches = Array.from({ length: groups / each }, (_, index) =>
    commits(
      index * each,
      Array.from({ length: each }, (_, group) => commit([`${index * each + group}`, 't', 0], 1)),
    ),
  )
  const source = new KafkaSource()
    .partition('t-0', IDS[0], topicOf(1))
    .partition('__consumer_offsets-0', IDS[1], ...batches)
  const report = await runTask(importing(source.disk, undefined))
  assert.is(report.groups.length, groups)
})

test.run()
