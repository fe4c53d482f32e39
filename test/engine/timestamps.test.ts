import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendResult } from '../../bindings/broker/producer-session.ts'
import type { FetchedBatch, FetchedPartition } from '../../bindings/broker/reader-session.ts'
import type { DecodedBatch } from '../../bindings/kernel/kernel.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { ATTRIBUTE_APPEND_TIME } from '../../bindings/model/records.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const timestamps = suite('timestamps')
const TOPIC = 'orders'
const HOUR_MS = 3_600_000

class Log {
  host = new SyncHost(new VirtualDisk())
  readonly producerId: number
  #sequence = 0

  constructor(config: TopicConfig) {
    this.host.open()
    this.host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, config)
    this.producerId = this.host.openProducer()
  }

  get nextSequence(): number {
    return this.#sequence
  }

  append(times: readonly (number | undefined)[], baseSequence: number = this.#sequence): AppendResult {
    const records = times.map((timestamp) => ({ key: null, value: 'x', timestamp, headers: undefined }))
    const { producerId } = this
    const request = { topic: TOPIC, partition: 0, producerEpoch: 0, baseSequence, acks: 'all' as const, records }
    const answer = this.host.ask<AppendResult>((done) => {
      return { kind: 'append', producerId, request, isTransactional: false, done }
    })
    this.#sequence = Math.max(this.#sequence, baseSequence + times.length)
    return answer
  }

  /** As stored, in offset order. */
  times(): number[] {
    return this.batches().flatMap((batch) =>
      Array.from({ length: batch.recordCount }, (_, index) => batch.timestampOf(index)),
    )
  }

  batches(): readonly FetchedBatch[] {
    const positions = [{ topic: TOPIC, partition: 0, nextOffset: 0 }]
    const request = { positions, isolationLevel: 'read_committed' as const, maxBytes: 1e6, wait: false }
    const [part] = this.host.ask<readonly FetchedPartition[]>((done) => ({
      kind: 'fetch',
      reader: this,
      request,
      done,
    }))
    return part?.batches ?? []
  }
}

function refusal(work: () => unknown): LogError {
  try {
    work()
  } catch (error) {
    assert.ok(LogError.is(error, 'INVALID_TIMESTAMP'), String(error))
    return error as LogError
  }
  throw new Error('it was accepted')
}

timestamps('by default a record may come from any past and from an hour ahead, no more', () => {
  const log = new Log({})
  const { appendTime } = log.append([undefined, 0])
  log.append([appendTime + HOUR_MS])
  const { details } = refusal(() => log.append([appendTime, appendTime + 2 * HOUR_MS, undefined, 1e15]))
  assert.equal(details['recordErrors'], [
    { batchIndex: 1, timestamp: appendTime + 2 * HOUR_MS },
    { batchIndex: 3, timestamp: 1e15 },
  ])
  assert.equal(log.times(), [appendTime, 0, appendTime + HOUR_MS], 'nothing of the batch is written')
  log.append([undefined])
})

timestamps('the limits of the topic hold, to the millisecond', () => {
  const log = new Log({ 'message.timestamp.before.max.ms': 10_000, 'message.timestamp.after.max.ms': 5000 })
  const { appendTime: now } = log.append([undefined])
  log.append([now - 9000, now + 5000])
  refusal(() => log.append([now - 10_001]))
  refusal(() => log.append([now + 6000]))
})

timestamps('LogAppendTime: every record has the log’s time, whatever it claims', () => {
  const log = new Log({ 'message.timestamp.type': 'LogAppendTime', 'message.timestamp.before.max.ms': 0 })
  const { appendTime, isLogAppendTime } = log.append([5, undefined, 1e15])
  assert.ok(isLogAppendTime)
  assert.equal(log.times(), [appendTime, appendTime, appendTime])
  const [batch] = log.batches() as readonly DecodedBatch[]
  assert.is((batch?.header.attributes ?? 0) & ATTRIBUTE_APPEND_TIME, ATTRIBUTE_APPEND_TIME)
})

timestamps('a duplicate is answered with its original’s time', () => {
  for (const type of ['CreateTime', 'LogAppendTime']) {
    const log = new Log({ 'message.timestamp.type': type })
    const first = log.append([5, undefined, 70])
    for (let later = 0; later < 3; later++) log.append([undefined])
    assert.equal(log.append([5, undefined, 70], 0), first, type)
    // After an open the batch is no more in memory, and not in reach yet.
    log.host.close()
    const host = new SyncHost(log.host.storage.image(new Random(1), 'all'))
    host.open()
    log.host = host
    assert.equal(log.append([5, undefined, 70], 0), first, `${type}, opened again`)
  }
})

timestamps('a look for a time beside a send that begins a segment begins none of its own', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const host = new SyncHost(new VirtualDisk(), { order: new Random(seed) })
    host.open()
    host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, { 'segment.bytes': 1000 })
    const place = { topic: TOPIC, partition: 0, producerId: host.openProducer(), producerEpoch: 0 }
    const values = ['a', 'b', 'c'].map((letter) => letter.repeat(600))
    for (const [baseSequence, value] of values.entries()) {
      host.send({ ...place, baseSequence, values: [value], acks: 'all' })
      const at = [{ topic: TOPIC, partition: 0 }]
      host.start((done) => ({ kind: 'offsetsForTimestamp', at, timestamp: 0, done }))
      host.settle()
    }
    const seen = (from: SyncHost) => from.fetchAll(TOPIC, 0).map(({ value }) => value)
    assert.equal(seen(host), values, `seed ${seed}`)
    const after = new SyncHost(host.storage.image(new Random(seed), 'none'))
    assert.equal(after.open().damage, [])
    assert.equal(seen(after), values, `seed ${seed}, after a crash`)
    for (const each of [host, after]) each.discard()
  }
})

timestamps.run()
