import type { TopicPartition } from '../../../bindings/model/positions.ts'
import { type AskedCommit, CommittedOffsets } from './committed-offsets.ts'
import type { Begins } from './plan.ts'
import { type TopicLife, TopicLives } from './topic-lives.ts'
import { WrittenRecords } from './written-records.ts'

/** A consumer of a program, as far as the program knows about it. */
export interface MemberFacts {
  readonly name: string
  readonly groupId: string
  readonly topics: readonly string[]
  readonly begins: Begins
  readonly maxPollIntervalMs: number
  /** How far records were visible before it began; `undefined` where its `'latest'` may be below that. */
  ends: ReadonlyMap<string, number> | undefined
  /** When it asked last for what its programs have stored, by partition. */
  readonly askedAt: Map<string, number>
  /** Since when its program hasn't asked for a record. */
  idleSinceMs: number | undefined
  /** It was idle for so long that the group may have put it out, and it wasn't told of a loss since. */
  mayBeOut: boolean
  /** One of its handlers threw, which costs it all that it has. */
  hasThrown: boolean
  readonly holds: Map<string, Hold>
}

/** A partition of a member, from its handler for `assigned` to the end of the one for `revoked` or `lost`. */
export interface Hold extends TopicPartition {
  readonly member: MemberFacts
  readonly sinceMs: number
  /** `undefined` while several topics of the name are possible: its first record tells. */
  life: TopicLife | undefined
  readonly start: number
  /** The offset that is delivered next. */
  expected: number
  /** Where an abort of a transaction takes it back to. */
  restart: number
  /** The call that `restart` is of: of commits that aren't awaited a later one wins, whichever is answered first. */
  restartCall: number
  /** `failed`: the handler for `revoked` threw, and the member loses all. */
  state: 'held' | 'revoking' | 'failed' | 'over'
  /**
   * A transaction beside the iteration has its offsets: if it fails, what was delivered since the last commit comes
   * again.
   */
  mayComeAgain: boolean
  /** Its member may have been put out since, or the holder of the log may be another. */
  isDoubtful: boolean
  /** Other members were given the partition meanwhile. */
  readonly overruledBy: Hold[]
  /** As that of a member put out unheard, that is told what it had been given before, and that it is lost. */
  wasLost: boolean
  /** Commits whose outcome nobody knew when it began. */
  readonly openCommits: readonly AskedCommit[]
}

interface PartOfCommit {
  readonly hold: Hold
  readonly wasOverruled: boolean
  readonly wasHeld: boolean
  readonly commit: AskedCommit | undefined
  readonly nextOffset: number
}

/** Offsets that a program asked to commit, in one call. */
export interface CommitCall {
  readonly member: MemberFacts
  /** Calls are counted in their order. */
  readonly call: number
  readonly parts: readonly PartOfCommit[]
}

export interface LedgerOptions {
  nowMs(): number
  readonly maxPollIntervalMs: number
  /** Members may be put out by what happens between processes. */
  readonly isStormy: boolean
  trace(what: string): void
}

/**
 * Longer than any outcome of a rebalance is on its way: so long a member may be given a partition of a topic that is
 * gone.
 */
const STALE_INTERVALS = 4

const CONNECTION_LOST_MS = 300

/**
 * The longest that an answer is on its way in a storm: the group counts from when it left, the program from when it
 * came.
 */
const ON_THE_WAY_MS = 70

/**
 * What members of groups may see, by what their programs did and were told alone: who has which partition, where it
 * goes on, and what may be refused.
 */
export class Ledger {
  readonly wrong: string[] = []
  readonly lives: TopicLives = new TopicLives()
  readonly records: WrittenRecords = new WrittenRecords()
  readonly commits: CommittedOffsets = new CommittedOffsets()
  readonly counts: Map<string, number> = new Map()
  readonly #options: LedgerOptions
  readonly #held: Map<string, Set<Hold>> = new Map()
  /** Holds that began while the outcome of a commit was unknown. */
  readonly #early: Hold[] = []
  readonly groupIds: Set<string> = new Set()
  #calls = 0
  readonly #latest: Set<string> = new Set()
  /** Until then members may be given partitions though they were put out. */
  readonly #doubtfulUntilMs: Map<string, number> = new Map()

  constructor(options: LedgerOptions) {
    this.#options = options
  }

  member(name: string, groupId: string, topics: readonly string[], begins: Begins = 'earliest'): MemberFacts {
    const { maxPollIntervalMs } = this.#options
    this.groupIds.add(groupId)
    if (begins === 'latest') this.#latest.add(groupId)
    return {
      name,
      groupId,
      topics,
      begins,
      ends: undefined,
      maxPollIntervalMs,
      askedAt: new Map(),
      idleSinceMs: undefined,
      mayBeOut: false,
      hasThrown: false,
      holds: new Map(),
    }
  }

  fail(what: string): void {
    this.#options.trace(`WRONG ${what}`)
    this.wrong.push(what)
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by)
  }

  get #staleSinceMs(): number {
    return this.#options.nowMs() - STALE_INTERVALS * this.#options.maxPollIntervalMs
  }

  // ---- who polls ---------------------------------------------------------------------------------------------------

  /** The program asks for a record, or has one or none in hand. */
  polls(member: MemberFacts): void {
    if (this.#mayBeOut(member)) {
      member.mayBeOut = true
      for (const hold of member.holds.values()) hold.isDoubtful = true
    }
    member.idleSinceMs = undefined
  }

  idles(member: MemberFacts): void {
    member.idleSinceMs ??= this.#options.nowMs()
  }

  #mayBeOut({ mayBeOut, idleSinceMs, maxPollIntervalMs }: MemberFacts): boolean {
    if (mayBeOut || idleSinceMs === undefined) return mayBeOut
    const onTheWayMs = this.#options.isStormy ? ON_THE_WAY_MS : 0
    return this.#options.nowMs() - idleSinceMs > 0.9 * maxPollIntervalMs - onTheWayMs
  }

  /** All of the group may be put out over a rebalance that one of them holds up. */
  holdsUp(member: MemberFacts, forMs: number): void {
    const untilMs = this.#options.nowMs() + forMs + 2 * member.maxPollIntervalMs
    this.#doubtfulUntilMs.set(member.groupId, Math.max(untilMs, this.#doubtfulUntilMs.get(member.groupId) ?? 0))
    this.#doubt((hold) => hold.member.groupId === member.groupId)
  }

  /** Whoever held the log is gone, or a connection to it: members hear of it a little later. */
  connectionsLost(): void {
    this.#doubt(() => true)
    const untilMs = this.#options.nowMs() + CONNECTION_LOST_MS
    for (const groupId of this.groupIds)
      this.#doubtfulUntilMs.set(groupId, Math.max(untilMs, this.#doubtfulUntilMs.get(groupId) ?? 0))
  }

  #doubt(isMeant: (hold: Hold) => boolean): void {
    for (const holds of this.#held.values()) {
      for (const hold of holds) if (isMeant(hold)) hold.isDoubtful = true
    }
  }

  #isDoubtful(hold: Hold): boolean {
    const untilMs = this.#doubtfulUntilMs.get(hold.member.groupId) ?? 0
    return hold.isDoubtful || this.#mayBeOut(hold.member) || this.#options.nowMs() < untilMs
  }

  // ---- who has what ------------------------------------------------------------------------------------------------

  assigned(member: MemberFacts, places: readonly TopicPartition[], startOf: (at: TopicPartition) => number): void {
    this.#options.trace(`${member.name} assigned ${shown(places)}`)
    for (const { topic, partition } of places) this.#assigned(member, topic, partition, startOf({ topic, partition }))
  }

  #assigned(member: MemberFacts, topic: string, partition: number, start: number): void {
    const key = `${topic}-${partition}`
    const before = member.holds.get(key)
    if (before !== undefined) this.fail(`${member.name} was assigned ${key}, which it had`)
    const life = this.lives.soleSince(topic, this.#staleSinceMs)
    const place = `${member.groupId} ${topic}.${life?.number}-${partition}`
    const askedAt = member.askedAt.get(key) ?? this.commits.now()
    const possible = life === undefined ? undefined : this.commits.possible(place, askedAt)
    const hold: Hold = {
      ...{ member, topic, partition, life, start, expected: start, restart: start, restartCall: 0, state: 'held' },
      ...{
        sinceMs: this.#options.nowMs(),
        isDoubtful: this.#mayBeOut(member),
        overruledBy: [],
        wasLost: false,
        mayComeAgain: false,
      },
      openCommits: this.commits.open(place),
    }
    const others = this.#held.get(`${member.groupId} ${key}`) ?? new Set()
    this.#held.set(`${member.groupId} ${key}`, others)
    for (const other of others) this.#overrule(other, hold)
    others.add(hold)
    member.holds.set(key, hold)
    if (hold.openCommits.length > 0) this.#early.push(hold)
    this.count('assigned')
    const least = member.ends?.get(`${topic}.${life?.number}-${partition}`) ?? 0
    const mayBeginHere = member.begins === 'latest' ? start >= least : start === 0
    const isFirst = possible?.has(undefined) === true && mayBeginHere
    if (possible !== undefined && !possible.has(start) && !isFirst) {
      const wanted = [...possible].map((each) => each ?? 0).join(' or ')
      this.fail(`${member.name} begins ${place} at ${start}, and its group at ${wanted}`)
    }
  }

  /** Another one holds what this one is given. */
  #overrule(before: Hold, hold: Hold): void {
    const { topic, partition } = hold
    const isOtherTopic = this.lives.isDeletedSince(
      topic,
      before.sinceMs - STALE_INTERVALS * hold.member.maxPollIntervalMs,
    )
    if (this.#isDoubtful(before) || isOtherTopic) {
      before.overruledBy.push(hold)
      return this.count('overruled')
    }
    this.fail(`${hold.member.name} was assigned ${topic}-${partition}, which ${before.member.name} has`)
  }

  /** Before the program is told of it: what it does with it from now on is its last. */
  revoking(member: MemberFacts, places: readonly TopicPartition[]): readonly Hold[] {
    this.#options.trace(`${member.name} revoked ${shown(places)}`)
    return this.#taken(member, places, 'revoked').map((hold) => {
      hold.state = 'revoking'
      return hold
    })
  }

  /** The handler is done: others may have them. */
  revoked(holds: readonly Hold[], hasThrown: boolean): void {
    for (const hold of holds) {
      this.count('revoked')
      if (!hasThrown) this.#over(hold)
      else if (hold.state === 'revoking') hold.state = 'failed'
    }
  }

  lost(member: MemberFacts, places: readonly TopicPartition[]): void {
    this.#options.trace(`${member.name} lost ${shown(places)}`)
    const holds = this.#taken(member, places, 'lost')
    for (const hold of holds) {
      this.#over(hold)
      hold.wasLost = true
    }
    for (const hold of holds)
      if (!this.#mayBeLost(hold)) this.fail(`${member.name} lost ${shown([hold])} without a reason`)
    this.count('lost', places.length)
    member.mayBeOut = false
    member.hasThrown = false
  }

  #mayBeLost(hold: Hold): boolean {
    const isDeleted = this.lives.isDeletedSince(
      hold.topic,
      hold.sinceMs - STALE_INTERVALS * hold.member.maxPollIntervalMs,
    )
    return isDeleted || this.#isDoubtful(hold) || hold.member.hasThrown
  }

  #taken(member: MemberFacts, places: readonly TopicPartition[], event: string): Hold[] {
    return places.flatMap(({ topic, partition }) => {
      const hold = member.holds.get(`${topic}-${partition}`)
      if (hold !== undefined && (hold.state === 'held' || event === 'lost')) return [hold]
      this.fail(
        `${member.name} was told that ${topic}-${partition} is ${event}, and it is ${hold?.state ?? 'not held'}`,
      )
      return []
    })
  }

  #over(hold: Hold): void {
    hold.state = 'over'
    hold.member.holds.delete(`${hold.topic}-${hold.partition}`)
    this.#held.get(`${hold.member.groupId} ${hold.topic}-${hold.partition}`)?.delete(hold)
  }

  /** Its consumer is closed: of all that it had it was told that it is gone. */
  closed(member: MemberFacts): void {
    for (const hold of [...member.holds.values()]) {
      if (hold.state !== 'failed')
        this.fail(`${member.name} is closed, and nobody told it what becomes of ${shown([hold])}`)
      this.#over(hold)
    }
  }

  /** Its process is dead. */
  died(member: MemberFacts): void {
    for (const hold of [...member.holds.values()]) this.#over(hold)
  }

  /** What the consumer says that it has, between two changes. */
  holdsAre(member: MemberFacts, places: readonly TopicPartition[]): void {
    const said = places.map(placeOf).sort().join()
    const known = [...member.holds.keys()].sort().join()
    if (said !== known)
      this.fail(`${member.name} says that it has ${said || 'nothing'}, and was told of ${known || 'nothing'}`)
  }

  // ---- what is delivered -------------------------------------------------------------------------------------------

  delivered(
    member: MemberFacts,
    at: TopicPartition,
    records: readonly { readonly offset: number; readonly value: string }[],
    nextOffset: number,
  ): void {
    const hold = member.holds.get(placeOf(at))
    this.#options.trace(`${member.name} got ${shown([at])} ${records[0]?.offset} to ${nextOffset}`)
    if (hold === undefined || hold.state !== 'held') {
      return this.fail(`${member.name} got records of ${shown([at])}, which is ${hold?.state ?? 'not held'}`)
    }
    for (const { offset, value } of records) {
      const life = this.#lifeOf(hold, value)
      if (life === undefined) return this.fail(`${member.name} got ${value} of ${shown([at])}`)
      if (offset < hold.expected && hold.mayComeAgain && offset >= hold.restart) {
        hold.mayComeAgain = false
        hold.expected = offset
      }
      if (offset < hold.expected)
        this.fail(`${member.name} got ${offset} of ${shown([at])} again, and was at ${hold.expected}`)
      const { name: by, groupId } = member
      this.records.passed(life, at.partition, { by, groupId, from: hold.expected, to: offset })
      this.records.delivered(life, at.partition, groupId, { by, offset, value })
      hold.expected = offset + 1
    }
    hold.expected = Math.max(hold.expected, nextOffset)
    this.count('delivered', records.length)
  }

  /** Values name the topic, its life and the partition. */
  #lifeOf(hold: Hold, value: string): TopicLife | undefined {
    const [topic = '', number, partition] = value.split('/')
    const life = this.lives.at(topic, Number(number))
    if (topic !== hold.topic || Number(partition) !== hold.partition || life === undefined) return undefined
    if (hold.life !== undefined && hold.life !== life) return undefined
    hold.life = life
    return life
  }

  /** By `seek`, or because what was done with it since is undone. */
  moved(hold: Hold, expected: number): void {
    hold.expected = expected
  }

  // ---- what is committed -------------------------------------------------------------------------------------------

  committing(member: MemberFacts, parts: readonly { readonly hold: Hold; readonly nextOffset: number }[]): CommitCall {
    this.#options.trace(
      `${member.name} commits ${parts.map(({ hold, nextOffset }) => `${placeOf(hold)}:${nextOffset}`).join()}`,
    )
    return {
      member,
      call: ++this.#calls,
      parts: parts.map(({ hold, nextOffset }) => {
        const { life, overruledBy, state } = hold
        const place = life === undefined ? undefined : this.placeOf(hold, life)
        const commit = place === undefined ? undefined : this.commits.asked(place, member.name, nextOffset)
        return {
          hold,
          nextOffset,
          commit,
          wasOverruled: overruledBy.some(({ wasLost }) => !wasLost),
          wasHeld: state === 'held' || state === 'revoking',
        }
      }),
    }
  }

  placeOf({ member, partition }: Hold, { topic, number }: TopicLife): string {
    return `${member.groupId} ${topic}.${number}-${partition}`
  }

  /** Whether its group is as far as it read; a `seek` passes what isn't committed. */
  isCommitted(hold: Hold): boolean {
    const { life, expected } = hold
    return life === undefined || expected <= (this.commits.newest(this.placeOf(hold, life)) ?? 0)
  }

  /** What the programs of the group keep for themselves. */
  stored(member: MemberFacts, { topic, partition }: TopicPartition): number | undefined {
    member.askedAt.set(`${topic}-${partition}`, this.commits.now())
    return this.commits.newest(`${member.groupId} ${topic}.${this.lives.living(topic)?.number}-${partition}`)
  }

  /** Who has no partition any more stores nothing. */
  store(call: CommitCall): boolean {
    const isHeld = call.parts.every(({ wasHeld, wasOverruled }) => wasHeld && !wasOverruled)
    if (isHeld) this.committed(call)
    else this.refused(call, 'not stored', false, true)
    return isHeld
  }

  /** From where on a group gets all that is written: one that begins at the end, once it has committed. */
  getsAllFrom(groupId: string, stand: string): number {
    if (!this.#latest.has(groupId)) return 0
    return this.commits.first(`${groupId} ${stand}`) ?? Number.POSITIVE_INFINITY
  }

  committed({ member, call, parts }: CommitCall): void {
    this.count('committed')
    for (const { hold, commit, nextOffset, wasOverruled, wasHeld } of parts) {
      if (commit !== undefined) this.commits.ended(commit, 'done')
      if (hold.state !== 'over' && call > hold.restartCall) {
        hold.restart = nextOffset
        hold.restartCall = call
      }
      if (wasOverruled) this.fail(`${member.name} committed ${shown([hold])}, which another one has`)
      if (!wasHeld) this.fail(`${member.name} committed ${shown([hold])}, which it had no more`)
      if (commit !== undefined) this.#wasTooLate(commit)
    }
  }

  /** Who was given the partition since then has to have begun after it. */
  #wasTooLate(commit: AskedCommit): void {
    const late = this.#early.find((hold) => hold.openCommits.includes(commit) && hold.start < commit.nextOffset)
    if (late === undefined || this.commits.isFollowedBy(commit, late.start)) return
    this.fail(
      `${commit.by} committed ${commit.nextOffset} of ${shown([late])}, where ${late.member.name} had begun at ${late.start}`,
    )
  }

  /** `isUnknown`: it may have been done all the same. `isMeant`: the program gave it up, or took too long. */
  refused({ member, parts }: CommitCall, code: string, isUnknown: boolean, isMeant = false): void {
    this.#options.trace(`${member.name} was refused with ${code}`)
    this.count(`refused: ${code}`)
    for (const { commit } of parts) {
      if (commit !== undefined) this.commits.ended(commit, isUnknown ? 'unknown' : 'refused')
    }
    const hasReason = parts.some(({ hold, wasHeld }) => {
      return !wasHeld || hold.state === 'over' || hold.state === 'failed' || this.#mayBeLost(hold)
    })
    if (!isMeant && !hasReason)
      this.fail(`${member.name} has ${shown(parts.map(({ hold }) => hold))}, and its commit was refused with ${code}`)
  }
}

export function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}

function shown(places: readonly TopicPartition[]): string {
  return places.map(placeOf).join(' ') || 'nothing'
}
