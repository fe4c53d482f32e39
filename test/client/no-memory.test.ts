// A process without memory for a batch is told so, and not that a record's buffer was changed meanwhile.
import { test } from 'uvu'
import { encodeRecords } from '../../bindings/client/producer/compress-records.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { writeRecords } from '../../bindings/engine/remote/record-list.ts'
import { failure } from './support.ts'

/** Together more than an engine gives to one array; all are views of one buffer. */
const value = new Uint8Array(64 * 1024 * 1024)
const RECORDS = 4096

test('records of a batch to be compressed', async () => {
  const records = Array.from({ length: RECORDS }, () => ({ key: null, value, sizeBytes: value.length }))
  await failure('MEMORY_CAP_REACHED', async () => encodeRecords(records as never, 0))
})

test('records on their way to the holder of the log, in each form of a message', async () => {
  const packable = Array.from({ length: RECORDS }, () => ({ key: null, value }))
  const withTimes = packable.map((record) => ({ ...record, timestamp: 1 }))
  for (const records of [packable, withTimes])
    await failure('MEMORY_CAP_REACHED', async () => writeRecords(new MessageWriter(), records as never))
})

test.run()
