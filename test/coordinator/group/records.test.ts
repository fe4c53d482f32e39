import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CommittedOffset, GroupStored } from '../../../bindings/coordinator/group/group-entry.ts'
import { decodeGroupRecord, encodeGroup } from '../../../bindings/coordinator/group/group-record.ts'
import { encodeOffsetCommit, encodeOffsetTombstone } from '../../../bindings/coordinator/group/offset-record.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { codeOf, mutilations, place, refuses, topicId } from '../../log/catalogue/fixtures.ts'

const offset: CommittedOffset = {
  groupId: 'g',
  topicId: topicId(1),
  topic: 't',
  partition: 5,
  nextOffset: Number.MAX_SAFE_INTEGER,
  leaderEpoch: 7,
  metadata: 'ä',
  commitTimestamp: 0x0102030405,
}
const group: GroupStored = {
  kind: 'group-stored',
  groupId: 'g',
  generation: 1,
  stateTimestamp: 9,
  assignor: 'range',
  leaderId: 'm',
  members: [
    {
      memberId: 'm',
      clientId: 'c',
      topics: ['t'],
      assignment: [
        { topic: 't', partition: 0 },
        { topic: 't', partition: 1 },
      ],
      maxPollIntervalMs: 300_000,
    },
  ],
}

function hex(bytes: Uint8Array | null): string {
  return Buffer.from(bytes!).toString('hex')
}

function bytes(...parts: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(parts.join(''), 'hex'))
}

test('an offset commit is key version 1 and value version 3, and names its topic id in a header', () => {
  const record = encodeOffsetCommit(offset)
  assert.is(hex(record.key), ['0001', '000167', '000174', '00000005'].join(''))
  const value = ['0003', '001fffffffffffff', '00000007', '0002c3a4', '0000000102030405']
  assert.is(hex(record.value), value.join(''))
  assert.is(record.headers.length, 1)
  assert.is(record.headers[0]![0], 'topicId')
  assert.is(Buffer.from(record.headers[0]![1]!).toString(), offset.topicId)
  assert.equal(decodeGroupRecord(record, place), { kind: 'offset-committed', offset })
})

test('a tombstone has the key and header of the commit, and no value', () => {
  const commit = encodeOffsetCommit(offset)
  const record = encodeOffsetTombstone(offset)
  assert.equal([record.key, record.headers, record.value], [commit.key, commit.headers, null])
  const { groupId, topic, partition } = offset
  const removed = { kind: 'offset-removed', groupId, topicId: offset.topicId, topic, partition }
  assert.equal(decodeGroupRecord(record, place), removed)
})

test('a group is key version 2 and value version 3', () => {
  const record = encodeGroup(group)
  assert.is(hex(record.key), '0002000167')
  const expected = [
    ...['0003', '0008636f6e73756d6572', '00000001', '000572616e6765', '00016d', '0000000000000009', '00000001'],
    ...['00016d', 'ffff', '000163', '0000', '000493e0', '000493e0'],
    ...['0000000d', '0000', '00000001', '000174', 'ffffffff'],
    ...['00000019', '0000', '00000001', '000174', '00000002', '00000000', '00000001', 'ffffffff'],
  ]
  assert.is(hex(record.value), expected.join(''))
  assert.equal(decodeGroupRecord(record, place), group)
})

test('an empty group has neither protocol nor leader', () => {
  const record = encodeGroup({ ...group, assignor: null, leaderId: null, members: [] })
  const expected = ['0003', '0008636f6e73756d6572', '00000001', 'ffff', 'ffff', '0000000000000009', '00000000']
  assert.is(hex(record.value), expected.join(''))
  assert.equal(decodeGroupRecord(record, place), { ...group, assignor: null, leaderId: null, members: [] })
  assert.equal(decodeGroupRecord({ ...record, value: null }, place), { kind: 'group-removed', groupId: 'g' })
})

test('kinds of records that later versions of Kafka write are passed over', () => {
  for (const version of ['0003', '0008', '7fff']) {
    const record: TableRecord = { key: bytes(version, 'c0ffee'), value: bytes('00'), headers: [], timestamp: undefined }
    assert.is(decodeGroupRecord(record, place), undefined)
  }
})

test('a member of a newer consumer protocol is read by the fields that are known', () => {
  const { key, value } = encodeGroup(group)
  const newer = hex(value)
    .replace('0000000d0000', '000000110003')
    .replace('000174ffffffff00000019', '000174ffffffff0000000000000019')
  assert.equal(decodeGroupRecord({ key, value: bytes(newer), headers: [], timestamp: undefined }, place), group)
})

test('a newer value version is refused by name, an integer beyond 2^53 by its field', () => {
  const commit = encodeOffsetCommit(offset)
  const stored = encodeGroup(group)
  for (const record of [commit, stored]) {
    const value = record.value!.slice()
    value[1] = 4
    refuses('UNSUPPORTED_VERSION', () => decodeGroupRecord({ ...record, value }, place))
    value[1] = 2
    refuses('CORRUPT_LOG', () => decodeGroupRecord({ ...record, value }, place))
  }
  for (const beyond of ['0020000000000000', '7fffffffffffffff', '8000000000000000', 'ffe0000000000000']) {
    const value = bytes('0003', beyond, '00000007', '0000', '0000000000000001')
    refuses('INTEGER_RANGE', () => decodeGroupRecord({ ...commit, value }, place))
  }
  const negative = bytes('0003', 'ffffffffffffffff', '00000007', '0000', '0000000000000001')
  refuses('CORRUPT_LOG', () => decodeGroupRecord({ ...commit, value: negative }, place))
  const earliest = bytes('0003', '0000000000000001', '00000007', '0000', 'ffe0000000000001')
  const entry = decodeGroupRecord({ ...commit, value: earliest }, place)
  assert.is(entry?.kind === 'offset-committed' && entry.offset.commitTimestamp, -Number.MAX_SAFE_INTEGER)
})

test('an offset without a whole topic id is damage', () => {
  const record = encodeOffsetCommit(offset)
  const id = record.headers[0]![1]!
  for (const value of [null, id.slice(1), Uint8Array.of(...id, 65), bytes('00'.repeat(22))]) {
    refuses('CORRUPT_LOG', () => decodeGroupRecord({ ...record, headers: [['topicId', value]] }, place))
  }
  refuses('CORRUPT_LOG', () => decodeGroupRecord({ ...record, headers: [] }, place))
})

test('texts keep a byte order mark and whatever else UTF-8 can hold', () => {
  const odd = { ...offset, groupId: '\ufeffgröße\0', metadata: '\ufeff😀' }
  assert.equal(decodeGroupRecord(encodeOffsetCommit(odd), place), { kind: 'offset-committed', offset: odd })
  refuses('CORRUPT_LOG', () =>
    decodeGroupRecord({ key: bytes('00020001ff'), value: null, headers: [], timestamp: undefined }, place),
  )
})

test('a truncated or flipped record decodes, or is refused with a code', () => {
  let refused = 0
  for (const whole of [encodeOffsetCommit(offset), encodeOffsetTombstone(offset), encodeGroup(group)]) {
    for (const record of mutilations(whole)) {
      const code = codeOf(() => decodeGroupRecord(record, place))
      const known = ['CORRUPT_LOG', 'UNSUPPORTED_VERSION', 'INTEGER_RANGE']
      assert.ok(code === undefined || known.includes(code), code)
      if (code !== undefined) refused++
    }
    for (let length = 0; length < (whole.value?.length ?? 0); length++) {
      refuses('CORRUPT_LOG', () => decodeGroupRecord({ ...whole, value: whole.value!.slice(0, length) }, place))
    }
  }
  assert.ok(refused > 500, `${refused} refused`)
})

test.run()
