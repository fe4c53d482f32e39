import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Groups } from '../../../bindings/coordinator/group/groups.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { codeOf, place, topicId } from '../../log/catalogue/fixtures.ts'
import { type Random, randomOf } from '../../log/catalogue/random.ts'

/** The slow model: lists that are searched from the start, cloned whole for every change. */
interface Model {
  groups: { groupId: string; generation: number; member: string | undefined }[]
  offsets: { groupId: string; topicId: string; partition: number; nextOffset: number }[]
}

interface Step {
  readonly run: () => readonly TableRecord[]
  readonly expected: string | undefined
  /** One per record, in their order. */
  readonly changes: readonly ((model: Model) => void)[]
}

const groupIds = ['g', 'h']
const members = ['m', 'n']
const topicIds = [topicId(1), topicId(2), topicId(3)]
const topicOf = (): { name: string; partitions: number } => ({ name: 'same-name', partitions: 2 })

function groupOf(model: Model, groupId: string): Model['groups'][number] {
  let group = model.groups.find((one) => one.groupId === groupId)
  if (group === undefined) {
    group = { groupId, generation: 0, member: undefined }
    model.groups.push(group)
  }
  return group
}

function joinStep(groups: Groups, model: Model, groupId: string, memberId: string, now: number): Step {
  const { generation, member } = groupOf(structuredClone(model), groupId)
  const request = { groupId, memberId, clientId: '', topics: ['t'], maxPollIntervalMs: 9, partitionsOf: () => 1, now }
  return {
    run: () => {
      const plan = groups.planJoin(request)
      assert.is(plan.generation, generation + 1)
      return plan.records
    },
    expected: member === undefined || member === memberId ? undefined : 'GROUP_MAX_SIZE_REACHED',
    changes: [(m) => Object.assign(groupOf(m, groupId), { generation: generation + 1, member: memberId })],
  }
}

function commitStep(random: Random, groups: Groups, model: Model, groupId: string, memberId: string): Step {
  const group = groupOf(structuredClone(model), groupId)
  const generation = group.generation - (random.below(6) === 0 ? 1 : 0)
  const stale = generation === group.generation ? undefined : 'ILLEGAL_GENERATION'
  const offsets = Array.from({ length: 1 + random.below(3) }, () => {
    return { topicId: random.pick(topicIds), partition: random.below(2), nextOffset: random.below(50) }
  })
  const full = offsets.map((offset) => ({ ...offset, leaderEpoch: -1, metadata: '' }))
  return {
    run: () => groups.planCommit({ groupId, memberId, generation, offsets: full, now: 1 }, topicOf),
    expected: group.member === memberId ? stale : 'UNKNOWN_MEMBER_ID',
    changes: offsets.map((offset) => (m) => {
      m.offsets = m.offsets.filter(
        (one) => one.groupId !== groupId || one.topicId !== offset.topicId || one.partition !== offset.partition,
      )
      m.offsets.push({ groupId, ...offset })
    }),
  }
}

function stepOf(random: Random, groups: Groups, model: Model, now: number): Step {
  const groupId = random.pick(groupIds)
  const memberId = random.pick(members)
  const kind = random.below(10)
  if (kind < 2) return joinStep(groups, model, groupId, memberId, now)
  if (kind < 8) return commitStep(random, groups, model, groupId, memberId)
  if (kind === 8) {
    return {
      run: () => groups.planLeave(groupId, memberId, now),
      expected: groupOf(structuredClone(model), groupId).member === memberId ? undefined : 'UNKNOWN_MEMBER_ID',
      changes: [(m) => Object.assign(groupOf(m, groupId), { member: undefined })],
    }
  }
  const id = random.pick(topicIds)
  const dying = model.offsets.filter((one) => one.topicId === id).sort(byPlace)
  return {
    run: () => groups.planTopicDelete(id),
    expected: undefined,
    changes: dying.map((dead) => (m) => {
      m.offsets = m.offsets.filter((one) => byPlace(one, dead) !== 0)
    }),
  }
}

function byPlace(a: Model['offsets'][number], b: Model['offsets'][number]): number {
  const [left, right] = [a, b].map((one) => `${one.groupId} ${one.partition} ${one.topicId}`)
  return left! < right! ? -1 : left === right ? 0 : 1
}

function assertSame(groups: Groups, model: Model): void {
  const seen = groups.list()
  const offsets = seen.flatMap((group) =>
    group.offsets.map(({ groupId, topicId: id, partition, nextOffset }) => {
      return { groupId, topicId: id, partition, nextOffset }
    }),
  )
  assert.equal(offsets.sort(byPlace), structuredClone(model.offsets).sort(byPlace))
  for (const { groupId, generation, member } of model.groups) {
    const group = seen.find((one) => one.groupId === groupId)
    assert.is(group?.generation ?? 0, generation)
    assert.is(group?.members[0]?.memberId, member)
  }
}

function run(seed: number): number {
  const random = randomOf(seed)
  const groups = new Groups()
  const waiting: { record: TableRecord; after: Model }[] = []
  const history: TableRecord[] = []
  let planned: Model = { groups: [], offsets: [] }
  let durable = planned
  let refused = 0
  for (let now = 0; now < 150; now++) {
    const { run, expected, changes } = stepOf(random, groups, planned, now)
    let records: readonly TableRecord[] = []
    assert.is(
      codeOf(() => (records = run())),
      expected,
    )
    if (expected !== undefined) refused++
    else assert.is(records.length, changes.length)
    records.forEach((record, index) => {
      planned = structuredClone(planned)
      changes[index]!(planned)
      waiting.push({ record, after: planned })
    })
    while (random.below(3) === 0 && waiting.length > 0) {
      const { record, after } = waiting.shift()!
      groups.apply(record, place)
      history.push(record)
      durable = after
    }
    assertSame(groups, durable)
  }
  const replayed = new Groups()
  for (const record of history) replayed.apply(structuredClone(record), place)
  assertSame(replayed, durable)
  assert.equal(replayed.list(), groups.list())
  return refused
}

test('groups agree with a slow model, planned, durable and replayed', () => {
  let refused = 0
  for (let seed = 1; seed <= 60; seed++) {
    try {
      refused += run(seed)
    } catch (error) {
      console.log(`seed ${seed}`)
      throw error
    }
  }
  assert.ok(refused > 1000, `only ${refused} refusals: the steps are too tame`)
})

test.run()
