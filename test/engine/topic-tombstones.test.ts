// The tombstones for what groups keep of a deleted topic: some in each turn of the event loop, in their order; and what
// waits for the last of them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TopicTombstones } from '../../bindings/engine/topic-tombstones.ts'
import type { TableRecord } from '../../bindings/log/catalogue/table-record.ts'
import type { Task } from '../../bindings/storage/effect.ts'

const KEY_BYTES = 100
/** Half a millisecond of planning and encoding. */
const RECORDS_A_TURN_MAX = 256

class Bench {
  /** Keys that were asked for, so planned; and those that were handed on. */
  asked: number[] = []
  handedOn: number[] = []
  planned = 0
  #task: Task<void> | undefined
  readonly tombstones: TopicTombstones
  #done: (error: unknown) => void = () => {}

  constructor(offsets: number, places: number) {
    this.tombstones = new TopicTombstones({
      groups: { planTopicDelete: () => this.#records(0, offsets) },
      shares: { planTopicDelete: () => this.#records(offsets, places) },
      store: { decisionBytesMax: 8192 },
      start: (task, done) => {
        this.#task = task
        this.#done = done
        this.turn()
      },
    })
  }

  *#records(from: number, count: number): Generator<TableRecord> {
    for (let number = from; number < from + count; number++) {
      this.asked.push(number)
      const key = new Uint8Array(KEY_BYTES)
      new DataView(key.buffer).setInt32(0, number)
      yield { key, value: null, headers: [], timestamp: undefined }
    }
  }

  begin(): void {
    this.tombstones.begin(
      't',
      'id',
      (part) => {
        const records = [...(part.offsets ?? []), ...(part.shares ?? [])]
        assert.ok(records.length * (KEY_BYTES + 64) <= 8192, 'a frame takes it')
        for (const { key } of records) this.handedOn.push(new DataView(key?.buffer ?? new ArrayBuffer(4)).getInt32(0))
      },
      () => this.planned++,
    )
  }

  /** As far as it goes without letting others run. */
  turn(): void {
    const step = this.#task?.next()
    if (step?.done !== true) return
    this.#task = undefined
    this.#done(undefined)
  }
}

test('tombstones are planned some in each turn, all of them in order, and handed on in the turn in which they are planned', () => {
  const bench = new Bench(1000, 300)
  bench.begin()
  for (let before = 0; bench.planned === 0; bench.turn()) {
    const count = bench.handedOn.length - before
    assert.ok(count > 0 && count <= RECORDS_A_TURN_MAX, `${count} in one turn`)
    assert.is(bench.asked.length, bench.handedOn.length, 'others plan theirs before the next turn')
    assert.not(bench.tombstones.isIdle)
    before = bench.handedOn.length
  }
  assert.equal(
    bench.handedOn,
    Array.from({ length: 1300 }, (_, number) => number),
  )
  assert.equal([bench.planned, bench.tombstones.isIdle], [1, true])
})

test('a few tombstones are planned at once, and nobody waits', () => {
  for (const [offsets, places] of [
    [0, 0],
    [3, 2],
  ] as const) {
    const bench = new Bench(offsets, places)
    bench.begin()
    assert.equal([bench.handedOn.length, bench.planned], [offsets + places, 1])
    assert.not(bench.tombstones.holds('t', () => assert.unreachable()))
  }
})

test('a create of that name waits until it is free, one of another name never waits', () => {
  const bench = new Bench(1000, 0)
  bench.begin()
  const heard: unknown[] = []
  assert.not(bench.tombstones.holds('u', () => assert.unreachable()))
  assert.ok(bench.tombstones.holds('t', (failure) => heard.push(failure, bench.handedOn.length)))
  while (bench.planned === 0) bench.turn()
  assert.equal(heard, [undefined, 1000])
})

test('if the log fails everybody who waits is told, and nothing more is planned', () => {
  const bench = new Bench(1000, 0)
  bench.begin()
  const heard: unknown[] = []
  bench.tombstones.holds('t', (failure) => heard.push(failure))
  const failure = new Error('the disk')
  bench.tombstones.fail(failure)
  assert.equal([bench.planned, heard], [1, [failure]])
  const before = bench.handedOn.length
  for (let turn = 0; turn < 20; turn++) bench.turn()
  assert.equal([bench.handedOn.length, bench.planned, heard.length], [before, 1, 1])
})

test.run()
