// Random joins, syncs, leaves, commits and deleted topics against a slow model: who is refused, who holds which
// generation, and what is committed, planned, durable and replayed.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeGroupRecord } from '../../../bindings/coordinator/group/group-record.ts'
import { Groups } from '../../../bindings/coordinator/group/groups.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { codeOf, place, topicId } from '../../log/catalogue/fixtures.ts'
import { type Random, randomOf } from '../../log/catalogue/random.ts'

interface Place {
  readonly topicId: string
  readonly partition: number
}

interface Offset extends Place {
  readonly nextOffset: number
}

/** One group, told in the plainest way: a list of members, each with what it waits for. */
interface Model {
  generation: number
  state: 'Empty' | 'Preparing' | 'Completing' | 'Stable'
  members: { readonly id: string; isJoining: boolean }[]
  leader: string | undefined
  offsets: Offset[]
}

const members = ['k', 'm', 'n']
const topicIds = [topicId(1), topicId(2), topicId(3)]
const topicOf = (): { name: string; partitions: number } => ({ name: 'same-name', partitions: 2 })

function prepare(model: Model, keepsJoining: (id: string) => boolean): void {
  if (model.state !== 'Preparing') for (const member of model.members) member.isJoining = keepsJoining(member.id)
  model.state = 'Preparing'
  if (!model.members.every((member) => member.isJoining)) return
  model.state = 'Completing'
  model.generation++
  for (const member of model.members) member.isJoining = false
  if (!model.members.some((member) => member.id === model.leader)) model.leader = model.members[0]?.id
}

interface Waiting {
  readonly record: TableRecord
  readonly after: () => void
}

class Run {
  readonly #random: Random
  readonly #groups = new Groups()
  readonly #model: Model = { generation: 0, state: 'Empty', members: [], leader: undefined, offsets: [] }
  readonly #waiting: Waiting[] = []
  readonly #history: TableRecord[] = []
  #durable: Offset[] = []
  refused = 0
  rebalanced = 0

  constructor(seed: number) {
    this.#random = randomOf(seed)
  }

  steps(count: number): void {
    for (let now = 0; now < count; now++) {
      const id = this.#random.pick(members)
      const kind = this.#random.below(12)
      if (kind < 3) this.#join(id, now)
      else if (kind < 6) this.#sync(id, now)
      else if (kind < 10) this.#commit(id)
      else if (kind === 10) this.#leave(id, now)
      else this.#deleteTopic()
      while (this.#random.below(2) === 0 && this.#waiting.length > 0) this.#apply()
      this.#check()
    }
    while (this.#waiting.length > 0) this.#apply()
    const replayed = new Groups()
    for (const record of this.#history) replayed.apply(structuredClone(record), place)
    replayed.dropMembers()
    const seen = replayed.describe('g')
    assert.equal(offsetsOf(seen?.offsets ?? []), offsetsOf(this.#durable))
    assert.ok((seen?.generation ?? 0) <= this.#model.generation)
  }

  #has(id: string): boolean {
    return this.#model.members.some((member) => member.id === id)
  }

  #expect(expected: string | undefined, run: () => readonly TableRecord[], after: () => (() => void)[]): void {
    let records: readonly TableRecord[] = []
    assert.is(
      codeOf(() => (records = run())),
      expected,
    )
    if (expected !== undefined) {
      this.refused++
      return
    }
    const changes = after()
    assert.is(records.length, changes.length)
    records.forEach((record, index) => {
      this.#waiting.push({ record, after: changes[index] as () => void })
    })
  }

  #join(id: string, now: number): void {
    const rejoins = this.#random.below(4) > 0
    const subscription = { clientId: '', topics: ['t'], owned: [], assignors: ['range'], maxPollIntervalMs: 1e9 }
    const run = () => {
      this.#groups.join({ groupId: 'g', memberId: id, rejoins, ...subscription, now })
      return []
    }
    this.#expect(rejoins && !this.#has(id) ? 'UNKNOWN_MEMBER_ID' : undefined, run, () => {
      const member = this.#model.members.find((each) => each.id === id)
      if (member === undefined) this.#model.members.push({ id, isJoining: true })
      else member.isJoining = true
      prepare(this.#model, (each) => each === id)
      return []
    })
  }

  #sync(id: string, now: number): void {
    const model = this.#model
    const generation = model.generation - (this.#random.below(6) === 0 ? 1 : 0)
    const run = () => this.#groups.planSync({ groupId: 'g', memberId: id, generation, assignments: [], now })
    const late = generation === model.generation ? undefined : 'ILLEGAL_GENERATION'
    const expected = model.state === 'Preparing' ? 'REBALANCE_IN_PROGRESS' : late
    this.#expect(this.#has(id) ? expected : 'UNKNOWN_MEMBER_ID', run, () => {
      if (model.state !== 'Completing' || id !== model.leader) return []
      return [
        () => {
          if (model.state === 'Completing' && model.generation === generation) model.state = 'Stable'
          this.rebalanced++
        },
      ]
    })
  }

  #commit(id: string): void {
    const { state } = this.#model
    const generation = this.#model.generation - (this.#random.below(6) === 0 ? 1 : 0)
    const stale = generation === this.#model.generation ? undefined : 'ILLEGAL_GENERATION'
    const offsets = Array.from({ length: 1 + this.#random.below(3) }, () => {
      return {
        topicId: this.#random.pick(topicIds),
        partition: this.#random.below(2),
        nextOffset: this.#random.below(50),
      }
    })
    const full = offsets.map((offset) => ({ ...offset, leaderEpoch: -1, metadata: '' }))
    const request = { groupId: 'g', memberId: id, generation, offsets: full, now: 1 }
    const expected = state === 'Completing' ? 'REBALANCE_IN_PROGRESS' : stale
    this.#expect(
      this.#has(id) ? expected : 'UNKNOWN_MEMBER_ID',
      () => this.#groups.planCommit(request, topicOf),
      () => {
        return offsets.map((offset) => {
          this.#model.offsets = [...this.#model.offsets.filter((each) => !sameOffset(each, offset)), offset]
          return this.#becomesDurable(this.#model.offsets)
        })
      },
    )
  }

  #leave(id: string, now: number): void {
    const model = this.#model
    this.#expect(
      this.#has(id) ? undefined : 'UNKNOWN_MEMBER_ID',
      () => this.#groups.planLeave('g', id, now),
      () => {
        model.members = model.members.filter((member) => member.id !== id)
        if (model.leader === id) model.leader = undefined
        if (model.members.length > 0) {
          prepare(model, () => false)
          return []
        }
        Object.assign(model, { state: 'Empty', leader: undefined })
        return [() => {}]
      },
    )
  }

  #deleteTopic(): void {
    const id = this.#random.pick(topicIds)
    const dying = this.#model.offsets.filter((each) => each.topicId === id)
    let planned: readonly TableRecord[] = []
    this.#expect(
      undefined,
      () => {
        planned = [...this.#groups.planTopicDelete(id)]
        return planned
      },
      () => {
        assert.is(planned.length, dying.length)
        return planned.map((record) => {
          const dead = decodeGroupRecord(record, place)
          assert.ok(dead?.kind === 'offset-removed')
          this.#model.offsets = this.#model.offsets.filter((each) => !sameOffset(each, dead))
          return this.#becomesDurable(this.#model.offsets)
        })
      },
    )
  }

  #becomesDurable(offsets: Offset[]): () => void {
    return () => {
      this.#durable = offsets
    }
  }

  #apply(): void {
    const { record, after } = this.#waiting.shift() as Waiting
    this.#groups.apply(record, place)
    this.#history.push(record)
    after()
  }

  #check(): void {
    const { generation, state, members: present } = this.#model
    const seen = this.#groups.describe('g')
    assert.is((seen?.state ?? 'Empty').replace('Rebalance', ''), state)
    assert.equal(
      seen?.members.map(({ memberId }) => memberId) ?? [],
      present.map(({ id }) => id),
    )
    if (state !== 'Empty') assert.is(seen?.generation, generation)
    assert.equal(offsetsOf(seen?.offsets ?? []), offsetsOf(this.#durable))
    this.#groups.live.takeNotices(0)
  }
}

function sameOffset(a: Place, b: Place): boolean {
  return a.topicId === b.topicId && a.partition === b.partition
}

function offsetsOf(offsets: readonly Offset[]): Offset[] {
  const plain = offsets.map(({ topicId: id, partition, nextOffset }) => ({ topicId: id, partition, nextOffset }))
  return plain.sort((a, b) => a.partition - b.partition || (a.topicId < b.topicId ? -1 : 1))
}

test('groups agree with a slow model, planned, durable and replayed', () => {
  let refused = 0
  let rebalanced = 0
  for (let seed = 1; seed <= 60; seed++) {
    const run = new Run(seed)
    try {
      run.steps(200)
    } catch (error) {
      console.log(`seed ${seed}`)
      throw error
    }
    refused += run.refused
    rebalanced += run.rebalanced
  }
  assert.ok(refused > 1000 && rebalanced > 200, `${refused} refusals, ${rebalanced} rebalances: the steps are too tame`)
})

test.run()
