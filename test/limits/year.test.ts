// A year of a log, day by day on a virtual clock: records expire, keys are compacted, producers and transactional ids
// are forgotten, checkpoints are written, and at its end files and bytes are as many as after its first months.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const DAYS = 365
/** The log is closed and opened again that often. */
const DAYS_A_LIFE = 30
const RECORDS_A_DAY = 6
const DAYS_A_LOOK = 5
const KEYS = 5
/**
 * A segment of each partition that isn't closed, compacted or removed yet; two files of the ring, as large a reserve.
 */
const FILES_MORE = 8
const BYTES_MORE = 65_536
/** Between two records the log sleeps but for so long: retention, compaction and checkpoints have their turns then. */
const AWAKE_MS = 120_000
const VALUE = 'x'.repeat(300)
/** Each life begins its clock anew, and sleeps until where the one before ended. */
const OPTIONS = { retentionCheckIntervalMs: 6 * HOUR_MS, retentionTrustsClock: true, tableSegmentBytes: 16_384 }
const IDS = { events: 'AAAAAAAAAAAAAAAAAAAABA', state: 'AAAAAAAAAAAAAAAAAAAACA' } as const
const CONFIGS = {
  events: { 'segment.bytes': 1000, 'retention.ms': 7 * DAY_MS },
  state: {
    'segment.bytes': 1000,
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': 0.2,
    'delete.retention.ms': DAY_MS,
  },
} as const

interface Day {
  readonly files: number
  readonly bytes: number
}

/** One life of the log after the other, over the same disk. */
class Year {
  #host: SyncHost<VirtualDisk>
  #now = 0

  constructor() {
    this.#host = this.#open(new VirtualDisk())
    for (const topic of ['events', 'state'] as const) this.#host.createTopic(IDS[topic], topic, 1, CONFIGS[topic])
  }

  #open(disk: VirtualDisk): SyncHost<VirtualDisk> {
    const host = new SyncHost(disk, { cleanup: OPTIONS })
    if (this.#now > 0) host.sleep(this.#now - host.now)
    assert.equal(host.open().damage, [])
    return host
  }

  reopen(): void {
    this.#host.close()
    this.#now = this.#host.now
    this.#host.discard()
    this.#host = this.#open(this.#host.storage.reopened())
  }

  /** A producer of its own for each day, and a transactional id that is used once. */
  day(number: number): void {
    const host = this.#host
    const producerId = host.openProducer()
    for (let index = 0; index < RECORDS_A_DAY; index++) {
      const from = { partition: 0, producerId, producerEpoch: 0, acks: 'all' as const }
      host.send({ ...from, topic: 'events', baseSequence: index, values: [`${number}/${index} ${VALUE}`] })
      this.#put(producerId, index, `${number}`)
      host.settle()
      host.sleep(DAY_MS / RECORDS_A_DAY - AWAKE_MS)
      host.passTime(AWAKE_MS)
    }
    host.ask((done) => ({
      kind: 'initTransactionalProducer',
      transactionalId: `id ${number}`,
      timeoutMs: 60_000,
      done,
    }))
  }

  #put(producerId: number, baseSequence: number, value: string): void {
    const records = [
      { key: `key ${baseSequence % KEYS}`, value: `${value} ${VALUE}`, timestamp: undefined, headers: undefined },
    ]
    const request = { topic: 'state', partition: 0, acks: 'all' as const, producerEpoch: 0, baseSequence, records }
    this.#host.ask((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
  }

  /** Files below the root, and what is in them. */
  get size(): Day {
    const { storage } = this.#host
    let [files, bytes] = [0, 0]
    for (const directory of ['', ...storage.list('')].filter((each) => each !== '.attach')) {
      for (const name of listOf(storage, directory)) {
        const file = fileOf(storage, directory === '' ? name : `${directory}/${name}`)
        if (file === undefined) continue
        files++
        bytes += file
      }
    }
    return { files, bytes }
  }

  read(topic: 'events' | 'state'): readonly string[] {
    return this.#host.fetchAll(topic, 0).map(({ value }) => value.split(' ')[0] ?? '')
  }

  get producers(): number {
    return ['events', 'state'].reduce((sum, topic) => {
      return sum + [...this.#host.engine.topics.partition(topic, 0).partition.producers()].length
    }, 0)
  }

  get transactionalIds(): number {
    return this.#host.engine.transactions.list().length
  }

  end(): void {
    this.#host.close()
    this.#host.discard()
  }
}

function listOf(disk: VirtualDisk, directory: string): readonly string[] {
  try {
    return disk.list(directory)
  } catch {
    return []
  }
}

function fileOf(disk: VirtualDisk, path: string): number | undefined {
  try {
    const file = disk.open(path, { create: false })
    const size = file?.size()
    file?.close()
    return size
  } catch {
    return undefined
  }
}

test('a year later it is no larger than after its first months', () => {
  const year = new Year()
  const days: Day[] = []
  for (let number = 0; number < DAYS; number++) {
    if (number > 0 && number % DAYS_A_LIFE === 0) year.reopen()
    year.day(number)
    if (number % DAYS_A_LOOK === 0) days.push(year.size)
    assert.ok(year.producers <= 8, `${year.producers} producers are remembered on day ${number}`)
    assert.ok(year.transactionalIds <= 12, `${year.transactionalIds} transactional ids are known on day ${number}`)
  }
  const most = (fromDay: number, toDay: number, of: (day: Day) => number) =>
    Math.max(...days.slice(fromDay / DAYS_A_LOOK, toDay / DAYS_A_LOOK).map(of))
  const early = { files: most(30, 120, ({ files }) => files), bytes: most(30, 120, ({ bytes }) => bytes) }
  const late = { files: most(275, 365, ({ files }) => files), bytes: most(275, 365, ({ bytes }) => bytes) }
  console.log(JSON.stringify({ days: DAYS, 'months 2 to 4': early, 'months 10 to 12': late }))
  assert.ok(late.files <= early.files + FILES_MORE, `${late.files} files`)
  assert.ok(late.bytes <= early.bytes + BYTES_MORE, `${late.bytes} bytes`)

  const events = year.read('events')
  assert.ok(events.length >= 7 * RECORDS_A_DAY && events.length <= 9 * RECORDS_A_DAY, `${events.length} events`)
  assert.is(events.at(-1), `${DAYS - 1}/${RECORDS_A_DAY - 1}`)
  const state = year.read('state')
  assert.ok(state.length >= KEYS && state.length <= 6 * RECORDS_A_DAY, `${state.length} values of ${KEYS} keys`)
  assert.ok(
    state.every((day) => Number(day) >= DAYS - 8),
    `${state}`,
  )
  year.end()
})

test.run()
