// What Kafka's own tests ask of the batches that a log takes, over the engine; each is named after its source.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendResult, ProducerSession } from '../../bindings/broker/producer-session.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type BatchRecords, recordCountOf } from '../../bindings/model/batch-records.ts'
import { codecOf } from '../../bindings/model/compression.ts'
import type { ErrorCode } from '../../bindings/model/error-table.ts'
import type { LogError } from '../../bindings/model/errors.ts'
import { ATTRIBUTE_APPEND_TIME, type EncodedRecord } from '../../bindings/model/records.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { failure } from '../client/support.ts'
import { encodeReference } from '../kernel/reference.ts'
import { newKernel, noProducer } from '../kernel/support.ts'

const HEADER_BYTES = 61
const FIRST_SEGMENT = 't-0/00000000000000000000.log'

/** A log whose clock stands. */
class Log {
  readonly store = new MemoryStore()
  readonly now = 1_800_000_000_000
  #broker: EmbeddedBroker | undefined
  #session: ProducerSession | undefined
  #sequence = 0

  static async open(config: TopicConfig = {}): Promise<Log> {
    const log = new Log()
    const { broker } = await openHeld(log.store, { ...nodePort, now: () => log.now }, {})
    await broker.admin.createTopic('t', { partitions: 1, config })
    log.#broker = broker
    log.#session = await broker.openProducer()
    return log
  }

  async append(records: BatchRecords): Promise<AppendResult> {
    const place = { topic: 't', partition: 0, producerEpoch: 0, baseSequence: this.#sequence, acks: 'all' as const }
    const answer = await this.#session!.append({ ...place, records })
    this.#sequence += recordCountOf(records)
    return answer
  }

  /** Nothing of the batch is written, and its sequence is free. */
  async refuses(code: ErrorCode, records: BatchRecords): Promise<LogError> {
    const before = this.end
    const error = await failure(code, () => this.append(records))
    assert.is(this.end, before)
    return error
  }

  get end(): number {
    return this.#broker!.engine.topics.partition('t', 0).partition.watermarks.nextOffset
  }

  /** Of the first segment, once the log is closed. */
  async bytes(): Promise<Uint8Array> {
    await this.close()
    const file = this.store.reopen().open(FIRST_SEGMENT, { create: false })
    const bytes = new Uint8Array(file?.size() ?? 0)
    file?.read(bytes, 0)
    return bytes
  }

  async close(): Promise<void> {
    await this.#broker?.close()
  }
}

function record(fields: Partial<EncodedRecord> = {}): EncodedRecord {
  return { key: null, value: 'x', timestamp: undefined, headers: undefined, ...fields }
}

function squeezed(keys: readonly (string | null)[], timestamp: number): BatchRecords {
  const plain = keys.map((key) => {
    return { key: key === null ? null : Buffer.from(key), value: Buffer.from('v'.repeat(90)), timestamp, headers: [] }
  })
  const records = encodeReference(plain, noProducer).subarray(HEADER_BYTES)
  const bytes = codecOf(nodePort.codecs ?? {}, 'gzip').compress(records)
  return { compression: 'gzip', bytes, recordCount: keys.length, baseTimestamp: timestamp, maxTimestamp: timestamp }
}

test('a batch without records is refused, and the log goes on (testBatchWithoutRecordsNotAllowed)', async () => {
  const log = await Log.open()
  await log.append([record()])
  await log.refuses('INVALID_RECORD', [])
  await log.refuses('INVALID_RECORD', { payload: new Uint8Array(0), lengths: new Int32Array(0) })
  assert.is((await log.append([record()])).baseOffset, 1)
  await log.close()
})

test('one record of three without a key: the whole batch fails and says which (testInvalidRecordExceptionHasBatchIndex)', async () => {
  const log = await Log.open({ 'cleanup.policy': 'compact' })
  const keyed = record({ key: 'k' })
  const packed = { payload: Buffer.from('kvvkv'), lengths: Int32Array.of(1, 1, -1, 1, 1, 1) }
  for (const batch of [[keyed, record(), keyed], packed, squeezed(['k', null, 'k'], log.now)]) {
    const { details } = await log.refuses('INVALID_RECORD', batch)
    assert.equal([details['topic'], details['recordErrors']], ['t', [{ batchIndex: 1 }]])
  }
  for (const batch of [[keyed, keyed], squeezed(['k', ''], log.now)]) await log.append(batch)
  assert.is(log.end, 4)
  await log.close()
})

test('limits of a record’s time hold to the millisecond (testRecordWithPastTimestampIsRejected, FutureTimestamp)', async () => {
  const limits = { 'message.timestamp.before.max.ms': 10_000, 'message.timestamp.after.max.ms': 5000 }
  const log = await Log.open(limits)
  const plain = (timestamp: number) => [record({ timestamp })]
  for (const at of [plain, (timestamp: number) => squeezed(['k'], timestamp)]) {
    for (const byMs of [-10_000, 5000]) await log.append(at(log.now + byMs))
    for (const byMs of [-10_001, 5001]) await log.refuses('INVALID_TIMESTAMP', at(log.now + byMs))
  }
  await log.close()
})

test('LogAppendTime: bit 3, the log’s time as the greatest, a CRC that holds, plain and compressed (LogValidatorTest)', async () => {
  for (const batch of [[record({ timestamp: 5 }), record({ timestamp: 7 })], squeezed(['a', 'b'], 5)]) {
    const log = await Log.open({ 'message.timestamp.type': 'LogAppendTime' })
    const { appendTime, isLogAppendTime } = await log.append(batch)
    assert.equal([appendTime, isLogAppendTime], [log.now, true])
    const bytes = await log.bytes()
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    assert.is(view.getInt32(8), bytes.length - 12)
    assert.is(view.getInt16(21) & ATTRIBUTE_APPEND_TIME, ATTRIBUTE_APPEND_TIME)
    assert.is(Number(view.getBigInt64(35)), log.now)
    assert.is(view.getUint32(17), newKernel().crc32cOf(bytes.subarray(21)))
    const again = (await openHeld(log.store.reopen(), nodePort, {})).broker
    const position = { topic: 't', partition: 0, nextOffset: 0 }
    const request = { positions: [position], isolationLevel: 'read_committed', maxBytes: 1e6, wait: false } as const
    const [part] = await again.openReader().fetch(request)
    const [read] = part?.batches ?? []
    assert.equal([read?.timestampOf(0), read?.timestampOf(1)], [log.now, log.now])
    await again.close()
  }
})

test('max.message.bytes and segment.bytes bound a batch to the byte, its header included (testMessageSizeCheck, MessageSet)', async () => {
  const fits = [record({ value: 'x'.repeat(100) })]
  const first = await Log.open()
  await first.append(fits)
  const sizeBytes = (await first.bytes()).length
  assert.ok(sizeBytes > HEADER_BYTES + 100)
  for (const [key, code] of [
    ['max.message.bytes', 'MESSAGE_TOO_LARGE'],
    ['segment.bytes', 'RECORD_LIST_TOO_LARGE'],
  ] as const) {
    const log = await Log.open({ [key]: sizeBytes })
    await log.append(fits)
    const { details } = await log.refuses(code, [record({ value: 'x'.repeat(101) })])
    assert.is(details['sizeBytes'], sizeBytes + 1)
    await log.append(fits)
    assert.is(log.end, 2)
    await log.close()
  }
})

test.run()
