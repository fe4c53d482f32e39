// Rule 10: a write or flush that failed ends the log. No later call is answered otherwise, nothing is asked of the
// device again, and what was acknowledged is there at the next open. What couldn't be read may be read the next time.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LogError } from '../../../bindings/model/errors.ts'
import type { Acks } from '../../../bindings/model/positions.ts'
import { DiskFaults, type Fault } from '../../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'

const TOPIC = 't'

class Life {
  readonly host: SyncHost<VirtualDisk>
  #baseSequence = 0
  readonly #producerId: number

  constructor(disk: VirtualDisk = new VirtualDisk()) {
    this.host = new SyncHost(disk)
    this.host.open()
    if (this.host.engine.catalogue.durable.byName(TOPIC) === undefined)
      this.host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
    this.#producerId = this.host.openProducer()
  }

  /** What it is refused with. */
  send(value: string, acks: Acks = 'all'): LogError | undefined {
    const place = { topic: TOPIC, partition: 0, producerId: this.#producerId, producerEpoch: 0 }
    const asked = this.host.send({ ...place, baseSequence: this.#baseSequence, values: [value], acks })
    this.host.settle()
    assert.ok(asked.answered)
    if (asked.error === undefined) this.#baseSequence++
    return asked.error as LogError | undefined
  }

  /** What each kind of call is refused with, undefined where it is answered. */
  refusals(): unknown[] {
    const calls = [
      () => this.send('later'),
      () => this.host.fetchAll(TOPIC, 0),
      () => this.host.openProducer(),
      () => this.host.createTopic('AAAAAAAAAAAAAAAAAAAABA', 'u', 1, {}),
      () => this.host.join('g', 'm', [TOPIC]),
      () => this.host.close(),
    ]
    return calls.map((call) => {
      try {
        const answer: unknown = call()
        return answer instanceof Error ? answer : undefined
      } catch (error) {
        return error
      }
    })
  }
}

/** One frame of it would be written. */
const NOTHING_MUCH = { durable: [], decisions: [], ceilings: [], producerIdsEnd: 1e6 }

const FATAL: readonly Fault[] = [
  { kind: 'flush', effect: 'drops-shows-new', at: 1, path: '.ring' },
  { kind: 'flush', effect: 'error', at: 1, path: '.ring' },
  { kind: 'write', effect: 'error', at: 1, path: '.log' },
]

for (const fault of FATAL) {
  test(`${fault.kind} of ${fault.path}, ${fault.effect}: the log ends, once and for all`, () => {
    const life = new Life()
    const { storage, engine } = life.host
    for (const value of ['1', '2', '3']) assert.is(life.send(value), undefined)
    storage.faults = new DiskFaults([fault])
    // Of acks 1 the write comes with the append, else with the commit.
    const failure = life.send('4', fault.kind === 'write' ? 1 : 'all')
    assert.is(failure?.code, 'KAFKA_STORAGE_ERROR')
    const isFailure = (error: unknown) => error === failure
    const before = storage.operations
    assert.equal(life.refusals().map(isFailure), [true, true, true, true, true, true])
    if (fault.kind === 'flush') assert.throws(() => runNow(engine.store.commit(NOTHING_MUCH)), isFailure)
    assert.is(storage.operations, before, 'the device was asked for more')
    storage.assertFree()
    storage.faults = undefined
    const again = new Life(storage.image(new Random(1), 'none'))
    const values = again.host.fetchAll(TOPIC, 0).map(({ value }) => value)
    assert.equal(values.slice(0, 3), ['1', '2', '3'])
    assert.is(again.send('5'), undefined)
  })
}

test('a file that could not be opened is an error of its call alone', () => {
  const before = new Life()
  for (const value of ['1', '2']) assert.is(before.send(value), undefined)
  before.host.close()
  const calls: readonly ((life: Life) => unknown)[] = [
    (life) => life.send('3'),
    (life) => {
      try {
        return life.host.fetchAll(TOPIC, 0)
      } catch (error) {
        return error
      }
    },
  ]
  for (const call of calls) {
    const life = new Life(before.host.storage.image(new Random(1), 'all'))
    life.host.storage.faults = new DiskFaults([{ kind: 'open', effect: 'error', at: 1, path: '.log' }])
    assert.is((call(life) as LogError).code, 'KAFKA_STORAGE_ERROR')
    assert.is(life.send('3'), undefined)
    const values = life.host.fetchAll(TOPIC, 0).map(({ value }) => value)
    assert.equal(values, ['1', '2', '3'])
  }
})

test.run()
