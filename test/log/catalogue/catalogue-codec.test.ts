import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeCatalogueRecord, encodeCatalogueEntry } from '../../../bindings/log/catalogue/catalogue-codec.ts'
import type { CatalogueEntry } from '../../../bindings/log/catalogue/catalogue-entry.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { codeOf, mutilations, place, refuses, topicId } from './fixtures.ts'

const id = topicId(1)
const entries: readonly CatalogueEntry[] = [
  {
    kind: 'topic-created',
    topicId: id,
    name: 'orders',
    partitions: 3,
    config: { 'retention.ms': -1, x: true, y: 'z' },
  },
  { kind: 'topic-deleted', topicId: id, name: 'orders', partitions: 3 },
  { kind: 'partitions-added', topicId: id, partitions: 9 },
  { kind: 'config-changed', topicId: id, config: {} },
  { kind: 'log-start-moved', topicId: id, partition: 2, logStartOffset: Number.MAX_SAFE_INTEGER },
]

function recordOf(value: string, key: string = id): TableRecord {
  return { key: Buffer.from(key), value: Buffer.from(value), headers: [], timestamp: undefined }
}

test('each kind comes back as it was', () => {
  for (const entry of entries) assert.equal(decodeCatalogueRecord(encodeCatalogueEntry(entry), place), entry)
})

test('an entry is JSON under its topic id, byte for byte', () => {
  const { key, value } = encodeCatalogueEntry(entries[1]!)
  assert.is(Buffer.from(key!).toString('latin1'), 'dGVzdCB0b3BpYyBpZDAwMQ')
  const text = '{"version":1,"kind":"topic-deleted","name":"orders","partitions":3}'
  assert.is(Buffer.from(value!).toString('latin1'), text)
})

test('a newer version is refused by name, whatever else it says', () => {
  refuses('UNSUPPORTED_VERSION', () => decodeCatalogueRecord(recordOf('{"version":2,"kind":"unheard-of"}'), place))
})

test('a damaged record is CORRUPT_LOG with its place', () => {
  const values = [
    '',
    'null',
    '[]',
    '3',
    '{}',
    '{"version":0,"kind":"config-changed","config":{}}',
    '{"version":"1","kind":"config-changed","config":{}}',
    '{"version":1}',
    '{"version":1,"kind":"toString"}',
    '{"version":1,"kind":"topic-created","name":"../../etc","partitions":1,"config":{}}',
    '{"version":1,"kind":"topic-created","name":"__consumer_offsets","partitions":1,"config":{}}',
    '{"version":1,"kind":"topic-created","name":"a","partitions":1e9,"config":{}}',
    '{"version":1,"kind":"topic-created","name":"a","partitions":1,"config":{"a":null}}',
    '{"version":1,"kind":"log-start-moved","partition":0,"logStartOffset":9007199254740992}',
  ]
  for (const value of values) refuses('CORRUPT_LOG', () => decodeCatalogueRecord(recordOf(value), place))
  const whole = '{"version":1,"kind":"config-changed","config":{}}'
  refuses('CORRUPT_LOG', () => decodeCatalogueRecord(recordOf(whole, 'no id'), place))
  try {
    decodeCatalogueRecord(recordOf(''), place)
    assert.unreachable()
  } catch (error) {
    assert.equal((error as { details: unknown }).details, { ...place })
  }
})

test('a truncated or flipped record decodes, or is refused with a code', () => {
  let refused = 0
  for (const entry of entries) {
    for (const record of mutilations(encodeCatalogueEntry(entry))) {
      const code = codeOf(() => decodeCatalogueRecord(record, place))
      assert.ok(code === undefined || code === 'CORRUPT_LOG' || code === 'UNSUPPORTED_VERSION', code)
      if (code !== undefined) refused++
    }
  }
  assert.ok(refused > 1000, `${refused} refused`)
})

test.run()
