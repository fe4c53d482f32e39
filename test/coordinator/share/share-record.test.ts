// The stored form of a share group's state: back as it was, and no bytes that break the reader.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeShareRecord, encodeShareSnapshot } from '../../../bindings/coordinator/share/share-record.ts'
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

test('damaged bytes are an error with their place, or something else that holds together', () => {
  const record = encodeShareSnapshot({ ...at, state })
  const value = record.value as Uint8Array
  const key = record.key as Uint8Array
  let refused = 0
  const attempt = (changed: { readonly key?: Uint8Array; readonly value?: Uint8Array }) => {
    try {
      decodeShareRecord({ ...record, ...changed }, place)
    } catch (error) {
      assert.ok(LogError.is(error, 'CORRUPT_LOG', 'INTEGER_RANGE', 'UNSUPPORTED_VERSION'), String(error))
      refused++
    }
  }
  for (let at = 0; at < value.length; at++) {
    attempt({ value: value.slice(0, at) })
    for (let bit = 0; bit < 8; bit++)
      attempt({ value: value.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte)) })
  }
  for (let at = 0; at < key.length; at++) attempt({ key: key.slice(0, at) })
  assert.ok(refused > value.length)
})

test.run()
