// The topics of a log: every change is planned, then durable, then applied, and a change that contradicts the present
// topics, or those that are planned, is refused.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Catalogue } from '../../../bindings/log/catalogue/catalogue.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { INTERNAL_TOPIC_IDS } from '../../../bindings/log/catalogue/topic-ids.ts'
import type { LogError } from '../../../bindings/model/errors.ts'
import { place, refuses, topicId } from './fixtures.ts'

const first = topicId(1)
const second = topicId(2)

function applyAll(catalogue: Catalogue, records: readonly TableRecord[]): readonly TableRecord[] {
  for (const record of records) catalogue.apply(record, place)
  return records
}

test('a topic lives from its create to its delete, and its name can live again under another id', () => {
  const catalogue = new Catalogue()
  const history = [
    ...applyAll(catalogue, catalogue.planCreate(first, 'orders', 2, { 'segment.bytes': 1024 })),
    ...applyAll(catalogue, catalogue.planAddPartitions('orders', 4)),
    ...applyAll(catalogue, catalogue.planAlterConfig('orders', { 'segment.bytes': null, 'retention.ms': '5' })),
    ...applyAll(catalogue, catalogue.planMoveLogStart(first, 3, 40)),
  ]
  assert.equal(catalogue.durable.byName('orders'), {
    topicId: first,
    name: 'orders',
    partitions: 4,
    config: { 'retention.ms': '5' },
    logStartOffsets: new Map([[3, 40]]),
    isDeleted: false,
  })
  history.push(...applyAll(catalogue, catalogue.planDelete('orders')))
  assert.is(catalogue.durable.byName('orders'), undefined)
  assert.is(catalogue.durable.liveById(first), undefined)
  assert.is(catalogue.durable.byId(first)?.isDeleted, true)
  history.push(...applyAll(catalogue, catalogue.planCreate(second, 'orders', 1, {})))
  assert.is(catalogue.durable.byName('orders')?.topicId, second)

  const reopened = new Catalogue()
  applyAll(reopened, history)
  for (const view of [reopened.durable, reopened.planned]) {
    assert.equal(view.live(), catalogue.durable.live())
    assert.equal(view.dead(), catalogue.durable.dead())
  }
})

test('what is planned binds later plans, and is seen only when it is applied', () => {
  const catalogue = new Catalogue()
  const created = catalogue.planCreate(first, 'orders', 1, {})
  assert.is(catalogue.durable.byName('orders'), undefined)
  refuses('TOPIC_ALREADY_EXISTS', () => catalogue.planCreate(second, 'orders', 1, {}))
  const once = catalogue.planAlterConfig('orders', { a: 1 })
  const twice = catalogue.planAlterConfig('orders', { b: 2 })
  const deleted = catalogue.planDelete('orders')
  assert.is(catalogue.planned.liveById(first), undefined)
  refuses('UNKNOWN_TOPIC_OR_PARTITION', () => catalogue.planDelete('orders'))
  applyAll(catalogue, [...created, ...once, ...twice])
  assert.equal(catalogue.durable.byName('orders')?.config, { a: 1, b: 2 })
  applyAll(catalogue, deleted)
  assert.is(catalogue.durable.byName('orders'), undefined)
})

test('records are taken back in the order of their plans only', () => {
  const catalogue = new Catalogue()
  const [one] = catalogue.planCreate(first, 'one', 1, {})
  const [two] = catalogue.planCreate(second, 'two', 1, {})
  refuses('INVALID_REQUEST', () => catalogue.apply(two!, place))
  applyAll(catalogue, [one!, two!])
  assert.equal(
    catalogue.durable.live().map((topic) => topic.name),
    ['one', 'two'],
  )
})

test('wrong requests are refused by code, and change nothing', () => {
  const catalogue = new Catalogue()
  applyAll(catalogue, catalogue.planCreate(first, 'orders', 3, {}))
  for (const name of ['', '.', '..', 'a/b', 'a\0', 'x'.repeat(250), 'ä', '__consumer_offsets', '__oncelog_more']) {
    refuses('INVALID_TOPIC_EXCEPTION', () => catalogue.planCreate(second, name, 1, {}))
  }
  const ids = [
    first,
    '',
    'short',
    'AAAAAAAAAAAAAAAAAAAAAA',
    `${second.slice(0, 21)}B`,
    ...Object.values(INTERNAL_TOPIC_IDS),
  ]
  for (const id of ids) refuses('INVALID_REQUEST', () => catalogue.planCreate(id, 'other', 1, {}))
  for (const count of [0, -1, 1.5, Number.NaN, 2 ** 31, '2' as never]) {
    refuses('INVALID_PARTITIONS', () => catalogue.planCreate(second, 'other', count, {}))
  }
  for (const count of [3, 2, 3.5]) refuses('INVALID_PARTITIONS', () => catalogue.planAddPartitions('orders', count))
  for (const config of [null, [], { a: Number.NaN }, { a: {} }, { a: undefined }]) {
    refuses('INVALID_CONFIG', () => catalogue.planCreate(second, 'other', 1, config as never))
  }
  refuses('INVALID_CONFIG', () => catalogue.planAlterConfig('orders', { a: 1n as never }))
  refuses('UNKNOWN_TOPIC_OR_PARTITION', () => catalogue.planAlterConfig('other', {}))
  refuses('UNKNOWN_TOPIC_OR_PARTITION', () => catalogue.planAddPartitions('other', 9))
  refuses('UNKNOWN_TOPIC_ID', () => catalogue.planMoveLogStart(second, 0, 1))
  for (const partition of [3, -1, 0.5]) {
    refuses('UNKNOWN_TOPIC_OR_PARTITION', () => catalogue.planMoveLogStart(first, partition, 1))
  }
  for (const offset of [-1, 0.5, 2 ** 53])
    refuses('INVALID_REQUEST', () => catalogue.planMoveLogStart(first, 0, offset))
  assert.equal(catalogue.planned.live(), catalogue.durable.live())
  assert.is(catalogue.durable.live().length, 1)
})

test('a change that changes nothing gives no record', () => {
  const catalogue = new Catalogue()
  applyAll(catalogue, catalogue.planCreate(first, 'orders', 1, { a: 1 }))
  applyAll(catalogue, catalogue.planMoveLogStart(first, 0, 9))
  assert.equal(catalogue.planAlterConfig('orders', { a: 1, b: null }), [])
  assert.equal(catalogue.planMoveLogStart(first, 0, 9), [])
  assert.equal(catalogue.planMoveLogStart(first, 0, 0), [])
})

test('records that contradict each other are damage with their place', () => {
  const source = new Catalogue()
  const create = source.planCreate(first, 'orders', 2, {})
  const grow = source.planAddPartitions('orders', 3)
  const remove = source.planDelete('orders')
  for (const history of [
    [create, create],
    [create, remove],
    [create, grow, remove, grow],
    [remove, remove],
  ]) {
    const catalogue = new Catalogue()
    for (const record of history.slice(0, -1).flat()) catalogue.apply(record, place)
    const before = catalogue.durable.live()
    refuses('CORRUPT_LOG', () => catalogue.apply(history.at(-1)![0]!, place))
    assert.equal(catalogue.durable.live(), before)
  }
})

test('records of a topic whose creation compaction took are nothing once its delete came, and damage without it', () => {
  const source = new Catalogue()
  source.planCreate(first, 'orders', 2, {})
  const grow = source.planAddPartitions('orders', 3)
  const move = source.planMoveLogStart(first, 2, 1)
  const remove = source.planDelete('orders')
  const catalogue = new Catalogue()
  for (const [offset, record] of [...grow, ...move].entries()) catalogue.apply(record, { ...place, offset })
  assert.equal([catalogue.isWhole, catalogue.durable.live(), catalogue.durable.byId(first)], [false, [], undefined])
  try {
    catalogue.assertWhole()
    assert.unreachable()
  } catch (error) {
    assert.equal([(error as LogError).code, (error as LogError).details], ['CORRUPT_LOG', { ...place, offset: 0 }])
  }
  catalogue.apply(remove[0]!, place)
  catalogue.assertWhole()
  assert.is(catalogue.durable.byId(first)?.isDeleted, true)
})

// A copy of all log starts for each of them took seconds for ten thousand partitions, and again at each open.
test('to move the log starts of many partitions takes a few steps for each of them', () => {
  const count = 2000
  const catalogue = new Catalogue()
  applyAll(catalogue, catalogue.planCreate(first, 'orders', count, {}))
  let steps = 0
  const set = Map.prototype.set
  Map.prototype.set = function (key: unknown, value: unknown) {
    steps++
    return set.call(this, key, value)
  }
  try {
    for (let partition = 0; partition < count; partition++) {
      applyAll(catalogue, catalogue.planMoveLogStart(first, partition, 1))
    }
  } finally {
    Map.prototype.set = set
  }
  assert.ok(steps < 10 * count, `${steps} steps`)
  for (const view of [catalogue.durable, catalogue.planned]) {
    assert.is(view.byName('orders')?.logStartOffsets.size, count)
  }
})

test.run()
