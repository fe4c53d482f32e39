// `delete.retention.ms` may be the greatest number that a config takes, as an import makes it of Kafka's Long.MAX:
// tombstones then stay for ever. Once, their batches were written with a time beyond 2^53, and nobody could read them
// any more.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { newRecordTime, TimeCursor, writeVarint } from '../../../bindings/log/compaction/batch-bytes.ts'
import { varintBytes } from '../../../bindings/model/varint.ts'
import { MemoryRowStore } from '../../../bindings/storage/drivers/memory-rows.ts'
import { varintReference } from '../../kernel/reference.ts'
import { newKernel } from '../../kernel/support.ts'
import { CompactedLog, judge, judgeHeaders } from './harness.ts'

const TODAY = 1_700_000_000_000
const FOR_EVER = Number.MAX_SAFE_INTEGER

function compactedLog(deleteRetentionMs: number, now: number): CompactedLog {
  const options = { segmentBytes: 1000, deleteRetentionMs, mapBytes: 1 << 20 }
  const log = new CompactedLog(newKernel(), () => new MemoryRowStore(), options)
  log.now = now
  return log
}

function fill(log: CompactedLog): void {
  for (let round = 0; round < 20; round++) {
    log.append(
      round % 3,
      false,
      Array.from({ length: 5 }, (_, index) => [`k${round}-${index}`, index % 2 === 0 ? null : 'x'.repeat(50)] as const),
    )
  }
  log.append(5, true, [['in a transaction', 'x']])
  log.endTransaction(5, true)
  log.append(5, true, [['in a transaction', null]])
  log.endTransaction(5, true)
  log.append(1, false, [['behind', 'x'.repeat(1000)]])
  log.commit()
}

for (const deleteRetentionMs of [2 ** 51, 2 ** 52, FOR_EVER - TODAY, FOR_EVER - 1, FOR_EVER]) {
  test(`tombstones stay for ${deleteRetentionMs} ms, and every record has the time that it had`, () => {
    const log = compactedLog(deleteRetentionMs, TODAY)
    fill(log)
    for (let pass = 0; pass < 3; pass++) {
      log.now += 1e12
      assert.ok(log.compact(), 'a pass came')
      judge(log)
      judgeHeaders(log)
      log.append(1, false, [[`pass ${pass}`, 'x'.repeat(1000)]])
      log.append(1, false, [[`behind ${pass}`, 'x'.repeat(1000)]])
      log.commit()
    }
    assert.ok(log.visible().some(({ key, value }) => key === 'k0-0' && value === null))
  })
}

test('deltas of timestamps are exact over the whole range of a double, either way', () => {
  const near = [0, 1, 63, 64, 8191, 8192, 2 ** 31, 2 ** 52 - 1, 2 ** 52, 2 ** 52 + 1, 2 ** 53 - 2, 2 ** 53 - 1]
  for (const value of [...near, ...near.map((each) => -each), -(2 ** 53)]) {
    const encoded = new Uint8Array(10)
    const end = writeVarint(encoded, 0, value)
    assert.equal([...encoded.subarray(0, end)], varintReference(BigInt(value)), `${value}`)
    assert.is(varintBytes(value), end)
    const time = newRecordTime()
    new TimeCursor(Uint8Array.of(2 * (1 + end), 0, ...encoded.subarray(0, end)), 0).next(time)
    assert.is(time.timestampDelta + 0, value + 0, `${value}`)
  }
})

test.run()
