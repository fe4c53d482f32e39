// What a partition holds is read from its start, though retention may move that while it is read.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Broker } from '../../bindings/broker/broker.ts'
import type { FetchedPartition, FetchRequest } from '../../bindings/broker/reader-session.ts'
import { readValues } from '../../bindings/client/process/partition-values.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { wholeBatch } from '../client/whole-batch.ts'

const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text))

test('values that retention removes while they are read are none, as for a reader that begins now', async () => {
  let logStartOffset = 0
  const part = (offset: number, key: string): FetchedPartition => {
    const batch = wholeBatch(offset, offset + 1, [{ key: bytes(key), value: bytes('v'), timestamp: 0, headers: [] }])
    return { topic: 't', partition: 0, batches: [batch], nextOffset: offset + 1 } as unknown as FetchedPartition
  }
  const fetch = async ({ positions: [at] }: FetchRequest): Promise<readonly FetchedPartition[]> => {
    if (at?.nextOffset === 0) return [part(0, 'removed')]
    if (at?.nextOffset === 5) return [part(5, 'kept')]
    logStartOffset = 5
    const error = new LogError('OFFSET_OUT_OF_RANGE', 'by the test')
    return [{ topic: 't', partition: 0, batches: [], nextOffset: 1, error } as unknown as FetchedPartition]
  }
  const reader = { topic: () => ({ topic: 't', topicId: 'id' }), fetch, wake: () => {}, close: async () => {} }
  const offsets = async () => [{ topic: 't', partition: 0, logStartOffset, highWatermark: 6, lastStableOffset: 6 }]
  const broker = { openReader: () => reader, admin: { offsets } } as unknown as Broker
  const [read] = await readValues(broker, 't', [0], 'highWatermark')
  assert.equal([[...(read?.values.keys() ?? [])], read?.nextOffset], [['kept'], 6])
})

test.run()
