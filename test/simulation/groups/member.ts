import type { Consumer } from '../../../bindings/client/consumer/consumer-type.ts'
import type { ConsumerRecord, RecordBatch } from '../../../bindings/client/records.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { Position, TopicPartition } from '../../../bindings/model/positions.ts'
import type { SimulatedProcess } from '../channel/process.ts'
import { userAssignor } from './assignors.ts'
import type { Hold, MemberFacts } from './ledger.ts'
import { commitPositions } from './member-commits.ts'
import { MemberHandlers } from './member-handlers.ts'
import { MemberWork } from './member-work.ts'
import type { GroupPlan } from './plan.ts'
import { beside, codeOf, type GroupWorld, happens, isStormy, OnPurpose, sleep } from './world.ts'

type Item = ConsumerRecord | RecordBatch

/** What the program has its consumer give it. */
export interface Given extends TopicPartition {
  /** From what it was delivered: only as long as that lasts it may be committed. */
  readonly hold: Hold | undefined
  readonly item: Item
  readonly baseOffset: number
  readonly nextOffset: number
}

const decoder = new TextDecoder()

/** A program with a consumer of a group: it comes, works, does what nobody should, and goes, again and again. */
export class Member {
  readonly world: GroupWorld
  readonly process: SimulatedProcess
  readonly facts: MemberFacts
  readonly consumer: Consumer
  readonly topics: readonly string[]
  readonly #handlers: MemberHandlers
  readonly #work: MemberWork
  /** What it is about to do, for whom it never comes back. */
  doing = 'beginning'
  isClosing = false
  #isGone = false

  constructor(world: GroupWorld, process: SimulatedProcess, slot: number) {
    const { plan, random, ledger } = world
    this.world = world
    this.process = process
    const group = slot % plan.assignors.length
    const name = `m${slot}.${world.number()}`
    const wanted = plan.topics.map((_, index) => `t${index}`).filter(() => random.chance(0.7))
    this.topics = wanted.length === 0 ? ['t0'] : wanted
    this.facts = ledger.member(name, `g${group}`, this.topics, plan.begins[group])
    // An open transaction holds the end that is stable below what is visible.
    if (!plan.features.has('aborted input')) this.facts.ends = ledger.records.visibleEnds()
    this.consumer = process.log.consumer({
      ...{ groupId: this.facts.groupId, topics: this.topics, maxPollIntervalMs: plan.maxPollIntervalMs },
      assignor: assignorOf(plan, group),
      autoOffsetReset: this.facts.begins === 'latest' ? 'latest' : 'earliest',
      positions: this.facts.begins === 'positions' ? (asked) => this.#stored(asked) : undefined,
    })
    this.#handlers = new MemberHandlers(this)
    this.#work = new MemberWork(this)
    process.ended.then(() => ledger.died(this.facts)).catch(() => {})
  }

  /** What its programs have stored, of those partitions that they have stored something of. */
  async #stored(asked: readonly TopicPartition[]): Promise<readonly Position[]> {
    const { world, facts } = this
    if (world.random.chance(0.5)) await this.process.whileAlive(sleep(world, world.random.unit() * 20))
    return asked.flatMap((at) => {
      const nextOffset = world.ledger.stored(facts, at)
      return nextOffset === undefined ? [] : [{ ...at, nextOffset }]
    })
  }

  get isGone(): boolean {
    return this.#isGone || !this.process.isAlive
  }

  /** Until the program is done with its consumer, and closed it. */
  async live(): Promise<void> {
    const { world } = this
    while (world.phase !== 'ending' && !this.isClosing) {
      await this.#iterate()
      if (happens(world, 'closes', 0.3)) break
      if (world.random.chance(0.5)) await this.sleepsFor('between two iterations', world.random.unit() * 20)
    }
    await this.close()
  }

  /** Out of the loop it is idle as it is inside. */
  async sleepsFor(what: string, delayMs: number): Promise<void> {
    this.doing = what
    if (delayMs > 0) await this.process.whileAlive(sleep(this.world, delayMs))
  }

  async #iterate(): Promise<void> {
    const { world, facts } = this
    const abort = new AbortController()
    const isOfRecords = world.plan.features.has('single records') && world.random.chance(0.7)
    const options = { maxRecords: world.plan.batchRecords, signal: abort.signal }
    const source: AsyncIterable<Item> = isOfRecords ? this.consumer : this.consumer.batches(options)
    const iteration = source[Symbol.asyncIterator]()
    try {
      while (await this.#step(iteration, isOfRecords ? undefined : abort)) world.ledger.count('steps')
      this.doing = 'leaving its iteration'
      await this.process.whileAlive(Promise.resolve(iteration.return?.()))
    } catch (error) {
      this.#rejected(error, abort)
    } finally {
      world.ledger.idles(facts)
    }
  }

  /** False where the iteration is over, or the program leaves it. */
  async #step(iteration: AsyncIterator<Item>, abort: AbortController | undefined): Promise<boolean> {
    const { world, facts } = this
    const { ledger } = world
    this.doing = 'polling'
    ledger.polls(facts)
    if (abort !== undefined && happens(world, 'signals', 0.2))
      this.#later(() => beside(this.process, this.#abort(abort)))
    if (happens(world, 'closes', 0.02)) this.#later(() => this.closeBeside())
    const { done, value } = await this.process.whileAlive(iteration.next())
    ledger.idles(facts)
    if (done === true) {
      if (!this.isClosing) ledger.fail(`the iteration of ${facts.name} came to its end, and nobody closed its consumer`)
      return false
    }
    const given = { ...givenOf(value), hold: this.holdOf(value) }
    ledger.delivered(facts, given, recordsOf(value), given.nextOffset)
    await this.#work.on(given)
    return !happens(world, 'breaks', 0.05)
  }

  #later(run: () => void): void {
    this.world.time.after(this.world.random.unit() * 20, () => {
      if (this.process.isAlive) run()
    })
  }

  /** In the same moment somebody else may go. */
  async #abort(abort: AbortController): Promise<void> {
    if (happens(this.world, 'closes', 0.3)) {
      this.world.closeAnother(this.facts)
      for (let turns = this.world.random.below(40); turns > 0; turns--) await Promise.resolve()
    }
    abort.abort(new OnPurpose('signal'))
  }

  /** Whatever is in the program's hands. */
  closeBeside(): void {
    this.close().catch(() => {})
  }

  #rejected(error: unknown, abort: AbortController): void {
    const { world, facts } = this
    world.trace(`${facts.name}'s iteration rejected: ${codeOf(error)}`)
    world.ledger.count(`iteration: ${error instanceof OnPurpose ? error.message : codeOf(error)}`)
    if (error instanceof OnPurpose) return
    if (LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION') && this.#topicsWereGone()) return
    if (LogError.is(error, 'CONSUMER_CLOSED') && this.isClosing) return
    if (abort.signal.aborted)
      world.ledger.fail(`${facts.name}'s signal was aborted, and its iteration rejected with ${codeOf(error)}`)
    else world.ledger.fail(`the iteration of ${facts.name} rejected with ${String(error)}`)
  }

  #topicsWereGone(): boolean {
    const { time, plan, ledger } = this.world
    return this.topics.some((topic) => ledger.lives.isDeletedSince(topic, time.now - 4 * plan.maxPollIntervalMs))
  }

  async close(): Promise<void> {
    const { world, facts } = this
    this.isClosing = true
    this.doing = 'closing'
    try {
      await this.process.whileAlive(this.consumer.close())
    } catch (error) {
      if (!(error instanceof OnPurpose) && !(isStormy(world.plan) && LogError.is(error))) {
        world.ledger.fail(`close of ${facts.name} rejected with ${String(error)}`)
      }
    }
    this.#isGone = true
    world.ledger.closed(facts)
    this.#handlers.judge()
  }

  /** Nothing goes wrong any more. */
  calm(): void {
    if (!this.isClosing) this.consumer.resume()
  }

  /** What came before, and was left uncommitted. */
  async commitsWhatIsLeft(): Promise<void> {
    if (this.doing !== 'polling') return
    const left = [...this.facts.holds.values()].filter((hold) => !this.world.ledger.isCommitted(hold))
    await commitPositions(this, left)
  }

  holdOf(at: TopicPartition): Hold | undefined {
    return this.facts.holds.get(`${at.topic}-${at.partition}`)
  }
}

function assignorOf({ assignors }: GroupPlan, group: number) {
  const kind = assignors[group] ?? 'range'
  return kind === 'user' ? userAssignor : kind
}

function givenOf(item: Item): Omit<Given, 'hold'> {
  const { topic, partition } = item
  if ('offset' in item) return { item, topic, partition, baseOffset: item.offset, nextOffset: item.offset + 1 }
  return { item, topic, partition, baseOffset: item.baseOffset, nextOffset: item.nextOffset }
}

function recordsOf(item: Item): { offset: number; value: string }[] {
  const records: readonly ConsumerRecord[] = 'offset' in item ? [item] : [...item]
  return records.map(({ offset, value }) => ({ offset, value: decoder.decode(value ?? undefined) }))
}
