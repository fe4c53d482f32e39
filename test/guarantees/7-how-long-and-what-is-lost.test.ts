// How long are records kept, and what is lost in a failure of each kind?
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { DiskFaults } from '../../bindings/testkit/simulation/faults.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { afterCrash, example, fresh, plain, values } from './support.ts'

test('the example: nothing is lost with the process, and a topic is gone when it is deleted', () => {
  assert.is(
    example('7-how-long-and-what-is-lost'),
    `recovered 0 damages
survives a power cut
survives kill -9
UNKNOWN_TOPIC_OR_PARTITION
`,
  )
})

const MINUTE_MS = 60_000
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS
/** Between two looks at what has expired, and time for the steps of one. */
const LOOK_MS = 6 * MINUTE_MS

test('a record is kept a week, however often it is read, or for ever, and no longer than until the next check after that', () => {
  for (const isForEver of [false, true]) {
    const host = fresh()
    const changes = { 'retention.ms': isForEver ? -1 : null }
    host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes, done }))
    plain(host, host.openProducer(), 0, 'a', 'all')
    host.passTime(WEEK_MS - MINUTE_MS)
    for (let reads = 0; reads < 3; reads++) assert.equal(values(host), ['a'])
    host.passTime(MINUTE_MS + LOOK_MS)
    assert.equal(values(host), isForEver ? ['a'] : [])
    assert.equal(values(afterCrash(host, 'none')), isForEver ? ['a'] : [])
  }
})

function sendUntilRefused(host: SyncHost, acknowledged: string[]): string {
  const producerId = host.openProducer()
  for (let sequence = 0; sequence < 10_000; sequence++) {
    const value = `${sequence} `.padEnd(900, 'x')
    try {
      plain(host, producerId, sequence, value, 'all')
      acknowledged.push(value)
    } catch (error) {
      if (!LogError.is(error)) throw error
      return error.code
    }
  }
  return 'never'
}

test('a full disk refuses the call and takes nothing; with room again the log goes on', () => {
  const host = fresh()
  const acknowledged: string[] = []
  host.storage.freeBytes = 20_000
  assert.is(sendUntilRefused(host, acknowledged), 'STORAGE_FULL')
  assert.ok(acknowledged.length > 0)
  assert.equal(values(host), acknowledged)
  for (const mode of ['kill', 'none'] as const) assert.equal(values(afterCrash(host, mode)), acknowledged)
  host.storage.freeBytes = Number.POSITIVE_INFINITY
  plain(host, host.openProducer(), 0, 'room again', 'all')
  assert.equal(values(host), [...acknowledged, 'room again'])
})

test('after a flush that failed nothing is acknowledged until the log is opened again; what was is there', () => {
  const host = fresh()
  const producerId = host.openProducer()
  plain(host, producerId, 0, 'before', 'all')
  host.storage.faults = new DiskFaults([{ kind: 'flush', effect: 'error', at: 1, path: '.ring', isSticky: false }])
  for (const acks of ['all', 'all', 1] as const) {
    assert.throws(
      () => plain(host, producerId, 1, 'no answer', acks),
      (error: unknown) => LogError.is(error, 'KAFKA_STORAGE_ERROR'),
    )
  }
  host.storage.faults = undefined
  for (const mode of ['kill', 'none'] as const) {
    const later = afterCrash(host, mode)
    assert.is(values(later)[0], 'before')
    plain(later, later.openProducer(), 0, 'behind', 'all')
    assert.is(values(later).at(-1), 'behind')
  }
})

test("kill -9 takes nothing that was acknowledged; a power cut takes only what had 'acks: 1'", () => {
  const host = fresh()
  const producerId = host.openProducer()
  plain(host, producerId, 0, 'all', 'all')
  for (const sequence of [1, 2, 3]) plain(host, producerId, sequence, `one ${sequence}`, 1)
  assert.equal(values(afterCrash(host, 'kill')), ['all', 'one 1', 'one 2', 'one 3'])
  const left = values(afterCrash(host, 'none'))
  assert.is(left[0], 'all')
  assert.not.ok(left.includes('one 3'), left.join())
})

test('a flipped bit in what was stored is found, placed and told; what is whole is read', async () => {
  const host = fresh()
  const producerId = host.openProducer()
  for (const [sequence, value] of ['first', 'second'].entries()) plain(host, producerId, sequence, value, 'all')
  host.close()
  const disk = host.storage.reopened()
  const file = disk.open('t-0/00000000000000000000.log', { create: false })
  assert.ok(file !== undefined)
  const last = new Uint8Array(1)
  const at = file!.size() - 2
  file!.read(last, at)
  file!.write(Uint8Array.of((last[0] ?? 0) ^ 1), at)
  await file!.flush()
  file!.close()
  const later = new SyncHost(disk)
  later.open()
  let told: { code?: string; details?: Record<string, unknown> } = {}
  try {
    values(later)
  } catch (error) {
    told = error as typeof told
  }
  assert.is(told.code, 'CORRUPT_MESSAGE')
  assert.equal([told.details?.['topic'], told.details?.['partition'], told.details?.['offset']], ['t', 0, 1])
})

test.run()
