import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TransactionStored } from '../../../bindings/coordinator/transaction/transaction-entry.ts'
import {
  decodeTransactionRecord,
  encodeTransaction,
} from '../../../bindings/coordinator/transaction/transaction-record.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { codeOf, mutilations, place, refuses } from '../../log/catalogue/fixtures.ts'

const idle: TransactionStored = {
  kind: 'transaction-stored',
  transactionalId: 'my-txn-id',
  producerId: 4000,
  producerEpoch: 1,
  timeoutMs: 60_000,
  state: 'CompleteCommit',
  partitions: [],
  lastUpdateMs: 1_700_000_000_000,
  startMs: 1_700_000_000_000,
  previousProducerId: -1,
}
const ongoing: TransactionStored = {
  ...idle,
  state: 'Ongoing',
  partitions: [
    { topic: 't', partition: 0 },
    { topic: 't', partition: 7 },
    { topic: 'ü', partition: 1 },
  ],
  previousProducerId: 3999,
}

function hex(bytes: Uint8Array | null): string {
  return Buffer.from(bytes!).toString('hex')
}

function withValue(...parts: readonly string[]): TableRecord {
  return { ...encodeTransaction(idle), value: new Uint8Array(Buffer.from(parts.join(''), 'hex')) }
}

const head = ['0000000000000fa0', '0001', '0000ea60']
const times = ['0000018bcfe56800', '0000018bcfe56800']

test('a transactional id is key version 0 and value version 1, with its tags', () => {
  const record = encodeTransaction(idle)
  assert.is(hex(record.key), ['0000', '0009', Buffer.from('my-txn-id').toString('hex')].join(''))
  assert.is(hex(record.value), ['0001', ...head, '04', '01', ...times, '01', '02020002'].join(''))
  assert.equal(decodeTransactionRecord(record, place), idle)
})

test('an open transaction names its partitions by topic, an empty one none', () => {
  const record = encodeTransaction(ongoing)
  const partitions = ['03', '0274', '03', '00000000', '00000007', '00', '03c3bc', '02', '00000001', '00']
  const tags = ['02', '0008', '0000000000000f9f', '02020002']
  assert.is(hex(record.value), ['0001', ...head, '01', ...partitions, ...times, ...tags].join(''))
  assert.equal(decodeTransactionRecord(record, place), ongoing)
  assert.is(hex(encodeTransaction({ ...idle, state: 'Empty' }).value).slice(32, 36), '0000', 'state 0, no list')
})

test('version 0 of the value is read, and tags that are unknown are passed over', () => {
  const partitions = ['00000002', '000174', '00000002', '00000000', '00000007', '0002c3bc', '00000001', '00000001']
  const old = withValue('0000', ...head, '01', ...partitions, ...times)
  assert.equal(decodeTransactionRecord(old, place), { ...ongoing, previousProducerId: -1 })
  const none = withValue('0000', ...head, '00', 'ffffffff', ...times)
  assert.equal(decodeTransactionRecord(none, place), { ...idle, state: 'Empty' })
  const tagged = withValue(
    '0001',
    ...head,
    '04',
    '02',
    '0274',
    '01',
    '01',
    '0501ff',
    ...times,
    '02',
    '0103aabbcc',
    '630100',
  )
  assert.equal(decodeTransactionRecord(tagged, place), idle)
})

test('a tombstone removes the id; other kinds of keys are passed over', () => {
  const record = encodeTransaction(idle)
  const removed = { kind: 'transaction-removed', transactionalId: 'my-txn-id' }
  assert.equal(decodeTransactionRecord({ ...record, value: null }, place), removed)
  assert.is(decodeTransactionRecord({ ...record, key: Uint8Array.of(0, 1, 9) }, place), undefined)
})

test('a newer version is refused by name, an unknown status and negative producers are damage', () => {
  refuses('UNSUPPORTED_VERSION', () => decodeTransactionRecord(withValue('0002'), place))
  const flawed = [
    ['0001', ...head, '08', '01', ...times, '00'],
    ['0001', ...head, 'ff', '01', ...times, '00'],
    ['0001', 'ffffffffffffffff', '0001', '0000ea60', '04', '01', ...times, '00'],
    ['0001', '0000000000000fa0', 'ffff', '0000ea60', '04', '01', ...times, '00'],
    ['ffff', ...head, '04', '01', ...times, '00'],
  ]
  for (const parts of flawed) refuses('CORRUPT_LOG', () => decodeTransactionRecord(withValue(...parts), place))
  const beyond = withValue('0001', '0020000000000000', '0001', '0000ea60', '04', '01', ...times, '00')
  refuses('INTEGER_RANGE', () => decodeTransactionRecord(beyond, place))
})

test('a truncated or flipped record decodes, or is refused with a code', () => {
  let refused = 0
  for (const whole of [encodeTransaction(idle), encodeTransaction(ongoing)]) {
    for (const record of mutilations(whole)) {
      const code = codeOf(() => decodeTransactionRecord(record, place))
      assert.ok(code === undefined || ['CORRUPT_LOG', 'UNSUPPORTED_VERSION', 'INTEGER_RANGE'].includes(code), code)
      if (code !== undefined) refused++
    }
    for (const part of ['key', 'value'] as const) {
      const longer = { ...whole, [part]: Uint8Array.of(...whole[part]!, 0) }
      refuses('CORRUPT_LOG', () => decodeTransactionRecord(longer, place))
    }
    for (let length = 0; length < whole.value!.length; length++) {
      refuses('CORRUPT_LOG', () => decodeTransactionRecord({ ...whole, value: whole.value!.slice(0, length) }, place))
    }
  }
  assert.ok(refused > 300, `${refused} refused`)
})

test.run()
