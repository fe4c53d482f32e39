// A member with thousands of partitions: what a rebalance and an answer cost grows as their number does, not as its
// square.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Assignment } from '../../bindings/client/consumer/assignment.ts'
import { Fetcher } from '../../bindings/client/consumer/fetcher.ts'
import { FetchSize } from '../../bindings/client/fetch-size.ts'
import { RestoredStates } from '../../bindings/client/process/restored-states.ts'
import { ReadRun } from '../../bindings/client/read-run.ts'
import { bytes } from '../../bindings/entry/node.ts'

const COUNT = 2000
/** A few for each partition, and far fewer than one for each pair of them. */
const LOOKS_MAX = 20 * COUNT

let looks = 0

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'

/** Counts how often somebody looks at which partition it is. */
class Place {
  readonly topicId = TOPIC_ID
  readonly topic = 't'
  readonly nextOffset = 0
  readonly #partition: number

  constructor(partition: number) {
    this.#partition = partition
  }

  get partition(): number {
    looks++
    return this.#partition
  }
}

const places = (from = 0) => Array.from({ length: COUNT }, (_, index) => new Place(from + index))

async function change(assignment: Assignment, next: readonly Place[]): Promise<void> {
  await assignment.change({
    next,
    isFirst: true,
    topicIds: async () => new Map([['t', TOPIC_ID]]),
    startsOf: async () => next,
  })
}

test('an assignment that comes, one that takes its place, and an answer of all its partitions', async () => {
  const assignment = new Assignment('g')
  looks = 0
  await change(assignment, places())
  assert.ok(looks < LOOKS_MAX, `a first assignment looked ${looks} times`)
  looks = 0
  await change(assignment, places(COUNT))
  assert.ok(looks < LOOKS_MAX, `a rebalance looked ${looks} times`)
  assert.equal([assignment.partitions.length, assignment.partitions[0]?.partition], [COUNT, COUNT])

  const decoder = { topic: 't', key: bytes, value: bytes }
  const fetcher = new Fetcher({
    assignment,
    decoders: new Map([['t', decoder]]),
    mustHaveOffset: false,
    start: undefined as never,
  })
  const part = { batches: [], nextOffset: 7, endOffset: 7, logStartOffset: 0, lastStableOffset: 7, error: undefined }
  const fetched = places(COUNT).map((place) => Object.assign(place, part))
  looks = 0
  const session = {} as never
  assert.is(fetcher.nextPositions(session).positions.length, COUNT)
  await fetcher.fill(fetched)
  assert.ok(looks < LOOKS_MAX, `an answer looked ${looks} times`)
  assert.ok(assignment.partitions.every(({ position }) => position === 7))
})

// Each fetch named all partitions that had nothing to deliver.
test('a member asks for what has changed since its last fetch', async () => {
  const assignment = new Assignment('g')
  await change(assignment, places())
  const decoders = new Map([['t', { topic: 't', key: bytes, value: bytes }]])
  const fetcher = new Fetcher({ assignment, decoders, mustHaveOffset: false, start: undefined as never })
  const session = { isOutOfStep: false }
  const asked = () => {
    const { positions, changes } = fetcher.nextPositions(session as never)
    const numbers = (of: readonly { partition: number }[]) => of.map(({ partition }) => partition)
    return [changes?.isFull, numbers(positions), numbers(changes?.forgotten ?? [])]
  }
  const answer = (partition: number, error?: Error) => {
    const part = { batches: [], nextOffset: 7, endOffset: 7, logStartOffset: 0, error }
    return fetcher.fill([{ topic: 't', partition, ...part }])
  }
  const partition = (index: number) => assignment.find({ topic: 't', partition: index })
  const all = Array.from({ length: COUNT }, (_, index) => index)
  assert.equal(asked(), [true, all, []])
  assert.equal(asked(), [false, [], []])
  await answer(5)
  partition(3).reset(4)
  await answer(3)
  partition(9).isPaused = true
  assert.equal(asked(), [false, [5, 3], [9]])
  assert.is(partition(3).position, 4)
  partition(9).isPaused = false
  await answer(8, new Error('damaged')).catch(() => {})
  assert.equal(asked(), [false, [9, 8], []])
  await change(assignment, places().slice(1))
  assert.equal(asked(), [false, [], [0]])
  session.isOutOfStep = true
  assert.equal(asked(), [true, all.slice(1), []])
  session.isOutOfStep = false
  fetcher.failed()
  assert.equal(asked(), [true, all.slice(1), []])
})

test('a reader: where it begins and ends, and an answer of all its partitions', async () => {
  const part = { batches: [], nextOffset: 7, endOffset: 7, logStartOffset: 0, lastStableOffset: 7, error: undefined }
  const asked: number[] = []
  const session = {
    topic: () => ({ topic: 't', topicId: TOPIC_ID, partitions: COUNT, config: {} }),
    fetch: async ({ positions }: { positions: readonly { nextOffset: number }[] }) => {
      asked.push(positions.length)
      return places().map((place) => Object.assign(place, part))
    },
    wake() {},
    close: async () => {},
  }
  const plan = {
    decoders: new Map([['t', { topic: 't', key: bytes, value: bytes }]]),
    ...{ isolationLevel: 'read_committed' as const, signal: undefined },
    from: places(),
    until: places().map((place) => Object.assign(place, { nextOffset: 8 })),
  }
  const mode = { sizes: new FetchSize(1), isBorrowed: false, takeFrom: () => undefined }
  const run = new ReadRun({ broker: { openReader: () => session, admin: {} } } as never, plan, mode)
  looks = 0
  assert.ok(await run.more())
  assert.is(run.take(), undefined)
  assert.ok(await run.more())
  assert.ok(looks < LOOKS_MAX, `it looked ${looks} times`)
  assert.equal(asked, [COUNT, COUNT])
})

test('what a processor checks when partitions come and go', () => {
  const states = new RestoredStates({ openReader: () => ({}) } as never, [['name', {} as never]], false)
  const held = places()
  looks = 0
  states.checkShare(['t'], held)
  states.checkShare(['t'], held, places(COUNT / 2))
  assert.ok(looks < LOOKS_MAX, `it looked ${looks} times`)
})

test.run()
