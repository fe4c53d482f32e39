// The stored form of a share group's state: back as it was, and no bytes that break the reader.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { WINDOW_OFFSETS } from '../../../bindings/coordinator/share/share-partition.ts'
import {
  decodeShareRecord,
  encodeShareSnapshot,
  type ShareSnapshot,
} from '../../../bindings/coordinator/share/share-record.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { topicIdBytes, topicIdOf } from '../../../bindings/log/catalogue/topic-ids.ts'
import { LogError } from '../../../bindings/model/errors.ts'

const place = { topic: '__share_group_state', partition: 0, offset: 4 }
const at = { groupId: 'jobs-ä', topicId: 'b25jZWxvZy5zaGFyZXMwMQ', partition: 3 }
const state = {
  startOffset: 2 ** 40,
  batches: [
    { firstOffset: 2 ** 40, lastOffset: 2 ** 40 + 6, state: 'available', deliveryCount: 2 },
    { firstOffset: 2 ** 40 + 7, lastOffset: 2 ** 40 + 7, state: 'acknowledged', deliveryCount: 1 },
    { firstOffset: 2 ** 40 + 8, lastOffset: 2 ** 40 + 9, state: 'archived', deliveryCount: 5 },
  ],
} as const

test('a snapshot comes back as it was, a tombstone too', () => {
  assert.equal(decodeShareRecord(encodeShareSnapshot({ ...at, state }), place), { ...at, state })
  const empty = { startOffset: 0, batches: [] }
  assert.equal(decodeShareRecord(encodeShareSnapshot({ ...at, state: empty }), place), { ...at, state: empty })
  assert.equal(decodeShareRecord(encodeShareSnapshot({ ...at, state: undefined }), place), { ...at, state: undefined })
})

test('a topic id is its 16 bytes, as Node reads base64url', () => {
  for (const topicId of [at.topicId, 'AAAAAAAAAAAAAAAAAAAAAA', '__________________-__w', 'mZ3kq1v0Tn-2_8sYbLrXog']) {
    assert.equal([...topicIdBytes(topicId)], [...Buffer.from(topicId, 'base64url')], topicId)
    assert.is(topicIdOf(topicIdBytes(topicId)), topicId)
  }
})

/** What a partition's state is made of: one batch after the other from its start on, within the window. */
function assertHoldsTogether({ partition, state }: ShareSnapshot): void {
  assert.ok(partition >= 0, `${partition}`)
  if (state === undefined) return
  let next = state.startOffset
  assert.ok(next >= 0, `${next}`)
  for (const { firstOffset, lastOffset } of state.batches) {
    assert.ok(firstOffset === next && lastOffset >= firstOffset, `${firstOffset} to ${lastOffset} at ${next}`)
    next = lastOffset + 1
  }
  assert.ok(next - state.startOffset <= WINDOW_OFFSETS, `${next - state.startOffset}`)
}

/** Whether it is refused; then with its place. */
function isRefused(record: TableRecord): boolean {
  try {
    const read = decodeShareRecord(record, place)
    if (read !== undefined) assertHoldsTogether(read)
    return false
  } catch (error) {
    if (!LogError.is(error, 'CORRUPT_LOG', 'INTEGER_RANGE', 'UNSUPPORTED_VERSION')) throw error
    assert.equal([error.details['topic'], error.details['offset']], [place.topic, place.offset])
    return true
  }
}

test('damaged bytes are an error with their place, or something else that holds together', () => {
  const record = encodeShareSnapshot({ ...at, state })
  let refused = 0
  for (const part of ['key', 'value'] as const) {
    const bytes = record[part] as Uint8Array
    for (let at = 0; at < bytes.length; at++) {
      assert.ok(isRefused({ ...record, [part]: bytes.slice(0, at) }), `${part} cut at ${at}`)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = bytes.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte))
        if (isRefused({ ...record, [part]: flipped })) refused++
      }
    }
    assert.ok(isRefused({ ...record, [part]: Uint8Array.of(...bytes, 0) }), `${part} with a byte more`)
  }
  assert.ok(refused > 300, `${refused}`)
})

test('whole bytes that say what can not be are refused', () => {
  const batch = (firstOffset: number, lastOffset: number) => {
    return { firstOffset, lastOffset, state: 'available', deliveryCount: 1 } as const
  }
  const stateOf = (startOffset: number, ...batches: ReturnType<typeof batch>[]) => ({
    ...at,
    state: { startOffset, batches },
  })
  const key = encodeShareSnapshot({ ...at, state }).key as Uint8Array
  assert.not(isRefused(encodeShareSnapshot(stateOf(5, batch(5, 4 + WINDOW_OFFSETS)))))
  const wrong: Readonly<Record<string, TableRecord>> = {
    'more than the window': encodeShareSnapshot(stateOf(5, batch(5, 5 + WINDOW_OFFSETS))),
    'a hole': encodeShareSnapshot(stateOf(5, batch(5, 5), batch(7, 8))),
    'a batch that ends before it begins': encodeShareSnapshot(stateOf(5, batch(5, 4))),
    'a start below 0': encodeShareSnapshot(stateOf(-1)),
    'a partition below 0': encodeShareSnapshot({ ...at, partition: -1, state }),
    'a key of a version below 0': {
      ...encodeShareSnapshot({ ...at, state }),
      key: Uint8Array.of(255, 255, ...key.slice(2)),
    },
    'no key': { ...encodeShareSnapshot({ ...at, state }), key: null },
  }
  for (const [what, record] of Object.entries(wrong)) assert.ok(isRefused(record), what)
})

test.run()
