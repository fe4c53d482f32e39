import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Catalogue } from '../../../bindings/log/catalogue/catalogue.ts'
import { catalogueKeys } from '../../../bindings/log/catalogue/catalogue-keys.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import type { TopicView } from '../../../bindings/log/catalogue/topic-table.ts'
import { codeOf, place, topicId } from './fixtures.ts'
import { type Random, randomOf } from './random.ts'

/** The slow model: a list of topics, searched from the start, cloned whole for every change. */
interface ModelTopic {
  topicId: string
  name: string
  partitions: number
  config: Record<string, number>
  starts: Record<number, number>
  isDeleted: boolean
}
type Model = ModelTopic[]

const names = ['a', 'b', 'c']
const keys = ['x', 'y']

interface Step {
  readonly run: () => readonly TableRecord[]
  readonly expected: string | undefined
  readonly change: (model: Model) => void
}

function stepOf(random: Random, catalogue: Catalogue, model: Model, nextId: number): Step {
  const name = random.pick(names)
  const live = model.find((topic) => topic.name === name && !topic.isDeleted)
  const missing = live === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : undefined
  const find = (in_: Model): ModelTopic => in_.find((topic) => topic.name === name && !topic.isDeleted)!
  const partitions = 1 + random.below(4)
  switch (random.below(5)) {
    case 0:
      return {
        run: () => catalogue.planCreate(topicId(nextId), name, partitions, { x: 1 }),
        expected: live === undefined ? undefined : 'TOPIC_ALREADY_EXISTS',
        change: (m) => {
          m.push({ topicId: topicId(nextId), name, partitions, config: { x: 1 }, starts: {}, isDeleted: false })
        },
      }
    case 1:
      return {
        run: () => catalogue.planDelete(name),
        expected: missing,
        change: (m) => Object.assign(find(m), { isDeleted: true, config: {}, starts: {} }),
      }
    case 2:
      return {
        run: () => catalogue.planAddPartitions(name, partitions),
        expected: missing ?? (partitions > live!.partitions ? undefined : 'INVALID_PARTITIONS'),
        change: (m) => Object.assign(find(m), { partitions }),
      }
    case 3: {
      const key = random.pick(keys)
      const value = random.pick([null, 1, 2])
      return {
        run: () => catalogue.planAlterConfig(name, { [key]: value }),
        expected: missing,
        change: (m) => {
          if (value === null) delete find(m).config[key]
          else find(m).config[key] = value
        },
      }
    }
    default: {
      const topic = model.length === 0 ? undefined : random.pick(model)
      const partition = random.below(4)
      const offset = random.below(20)
      const gone = topic === undefined || topic.isDeleted ? 'UNKNOWN_TOPIC_ID' : undefined
      return {
        run: () => catalogue.planMoveLogStart(topic?.topicId ?? topicId(999), partition, offset),
        expected: gone ?? (partition < topic!.partitions ? undefined : 'UNKNOWN_TOPIC_OR_PARTITION'),
        change: (m) => {
          const { starts } = m.find((one) => one.topicId === topic?.topicId)!
          if (offset > (starts[partition] ?? 0)) starts[partition] = offset
        },
      }
    }
  }
}

function assertSame(view: TopicView, model: Model): void {
  const seen = [...view.live(), ...view.dead()].map(({ logStartOffsets, ...topic }) => {
    return { ...topic, starts: Object.fromEntries(logStartOffsets) }
  })
  const byId = (a: { topicId: string }, b: { topicId: string }): number => (a.topicId < b.topicId ? -1 : 1)
  assert.equal(seen.sort(byId), structuredClone(model).sort(byId))
  for (const name of names) {
    assert.is(view.byName(name)?.topicId, model.find((topic) => topic.name === name && !topic.isDeleted)?.topicId)
  }
}

function rebuilt(records: readonly TableRecord[]): TopicView {
  const catalogue = new Catalogue()
  for (const record of records) catalogue.apply(structuredClone(record), place)
  return catalogue.durable
}

interface Kept {
  readonly offset: number
  readonly record: TableRecord
}

/**
 * A pass knows the newest records of what is dirty below `mapEnd`, and writes what stays, the oldest first, until
 * something ends it.
 */
function compacted(
  history: readonly Kept[],
  cleanedOffset: number,
  mapEnd: number,
  rewrittenUpTo: number,
): readonly Kept[] {
  const newest = new Map<string, number>()
  for (const { offset, record } of history) {
    if (offset >= cleanedOffset && offset < mapEnd) newest.set(keysOf(record).key, offset)
  }
  return history.filter(({ offset, record }) => {
    if (offset >= rewrittenUpTo) return true
    const { key, endKey, isEnd } = keysOf(record)
    if (offset < (newest.get(key) ?? -1) || offset < (newest.get(endKey) ?? -1)) return false
    return !isEnd
  })
}

function keysOf({ key, value }: TableRecord): { key: string; endKey: string; isEnd: boolean } {
  const keys = catalogueKeys(key ?? new Uint8Array(), value ?? new Uint8Array())!
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
  return { key: text(keys.key), endKey: text(keys.endKey), isEnd: keys.isEnd }
}

/** Passes one after the other, some of them cut short and done again: what lives is the same after each. */
function afterPasses(random: Random, records: readonly TableRecord[]): void {
  const live = new Catalogue()
  let history: readonly Kept[] = []
  let cleanedOffset = 0
  for (const [offset, record] of records.entries()) {
    live.apply(structuredClone(record), place)
    history = [...history, { offset, record }]
    if (random.below(5) > 0) continue
    const mapEnd = cleanedOffset + random.below(offset + 2 - cleanedOffset)
    const isWhole = random.below(2) === 0
    history = compacted(history, cleanedOffset, mapEnd, isWhole ? mapEnd : random.below(mapEnd + 1))
    if (isWhole) cleanedOffset = mapEnd
    const replayed = new Catalogue()
    for (const kept of history) replayed.apply(structuredClone(kept.record), place)
    replayed.assertWhole()
    assert.equal(replayed.durable.live(), live.durable.live())
  }
}

function run(seed: number): number {
  const random = randomOf(seed)
  const catalogue = new Catalogue()
  const waiting: { record: TableRecord; after: Model }[] = []
  const history: TableRecord[] = []
  let planned: Model = []
  let durable: Model = []
  let refused = 0
  for (let nextId = 0; nextId < 120; nextId++) {
    const { run, expected, change } = stepOf(random, catalogue, planned, nextId)
    let records: readonly TableRecord[] = []
    assert.is(
      codeOf(() => (records = run())),
      expected,
    )
    if (expected === undefined) {
      const after = structuredClone(planned)
      change(after)
      if (records.length === 0) assert.equal(after, planned)
      else planned = after
      for (const record of records) waiting.push({ record, after })
    } else refused++
    while (random.below(3) === 0 && waiting.length > 0) {
      const { record, after } = waiting.shift()!
      catalogue.apply(record, place)
      history.push(record)
      durable = after
    }
    assertSame(catalogue.planned, planned)
    assertSame(catalogue.durable, durable)
  }
  assertSame(rebuilt(history), durable)
  assertSame(rebuilt(catalogue.snapshot()), durable)
  afterPasses(random, history)
  return refused
}

test('the catalogue agrees with a slow model, planned, durable, replayed and from its snapshot', () => {
  let refused = 0
  for (let seed = 1; seed <= 60; seed++) {
    try {
      refused += run(seed)
    } catch (error) {
      console.log(`seed ${seed}`)
      throw error
    }
  }
  assert.ok(refused > 500, `only ${refused} refusals: the steps are too tame`)
})

test.run()
