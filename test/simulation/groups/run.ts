import { loadCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { CALM } from '../../../bindings/testkit/simulation/channel/conditions.ts'
import { Cluster } from '../channel/cluster.ts'
import { usualPlan } from '../channel/plan.ts'
import type { SimulatedProcess } from '../channel/process.ts'
import { Ledger, type MemberFacts } from './ledger.ts'
import { Member } from './member.ts'
import type { GroupPlan } from './plan.ts'
import { Surroundings } from './surroundings.ts'
import { beside, type GroupWorld, isStormy, sleep } from './world.ts'

export interface GroupOutcome {
  /** What no group may do. */
  readonly wrong: readonly string[]
  readonly hash: string
  readonly counts: ReadonlyMap<string, number>
  readonly elapsedMs: number
}

/** Of virtual time: enough for members that hang, are put out and come again once nothing goes wrong any more. */
const LIMIT_MS = 60_000

/** One run: members of groups come, go and do what they shouldn't; then calm, the end, and the judgement. */
export async function simulateGroups(plan: GroupPlan, trace: (what: string) => void = () => {}): Promise<GroupOutcome> {
  await loadCodecs()
  const cluster = new Cluster(plan.seed, usualPlan('groups', plan.seed).settings)
  const run = new Run(cluster, plan, trace)
  const stuck = await run.whole()
  const { ledger } = run.world
  for (const what of stuck === undefined ? run.judged() : stuck) ledger.fail(what)
  return {
    wrong: ledger.wrong,
    hash: cluster.trace.value,
    counts: new Map([...ledger.counts, ...Object.entries(cluster.network.counts)]),
    elapsedMs: Math.round(cluster.time.elapsedMs),
  }
}

class Run {
  readonly world: GroupWorld
  readonly #cluster: Cluster
  readonly #surroundings: Surroundings
  readonly #members: Set<Member> = new Set()

  constructor(cluster: Cluster, plan: GroupPlan, trace: (what: string) => void) {
    this.#cluster = cluster
    const { time, random } = cluster
    const told = (what: string) => {
      time.trace.add(what)
      trace(`${time.elapsedMs.toFixed(1)} ${what}`)
    }
    const { maxPollIntervalMs } = plan
    const ledger = new Ledger({ nowMs: () => time.now, maxPollIntervalMs, isStormy: isStormy(plan), trace: told })
    let numbers = 0
    this.world = {
      plan,
      random,
      time,
      ledger,
      phase: 'wild',
      number: () => numbers++,
      trace: told,
      closeAnother: (than) => this.#closeAnother(than),
    }
    this.#surroundings = new Surroundings(cluster, this.world)
  }

  /** What it didn't come to its end over, if it didn't. */
  async whole(): Promise<string[] | undefined> {
    const why = await this.#cluster.whyUnfinished(() => this.#fromBeginToEnd(), LIMIT_MS)
    return why === undefined ? undefined : [why, ...this.#whatIsLeft()]
  }

  async #fromBeginToEnd(): Promise<void> {
    const { world } = this
    const first = this.#cluster.start('first')
    await first.open()
    await this.#surroundings.createTopics(first)
    await first.close()
    this.#cluster.processes.delete(first)
    const slots = Array.from({ length: world.plan.processes }, (_, slot) => this.#slot(slot))
    const trouble = this.#surroundings.trouble()
    const changes = this.#surroundings.changeTopics(() => this.#anyProcess())
    const looks = this.#look()
    await sleep(world, world.plan.wildMs)
    world.phase = 'calm'
    world.trace('calm')
    this.#cluster.network.weather = CALM
    await Promise.all([trouble, changes])
    for (const member of this.#members) member.calm()
    while (!this.#isDone()) {
      for (const member of this.#members) beside(member.process, member.commitsWhatIsLeft())
      await sleep(world, 50)
    }
    await this.#quiet()
    world.phase = 'ending'
    world.trace('ending')
    for (const member of this.#members) member.closeBeside()
    await Promise.all(slots)
    await looks
    for (const process of [...this.#cluster.processes]) {
      await process.close()
      this.#cluster.processes.delete(process)
    }
  }

  /** Nothing comes any more, for longer than a member may take between two polls: none that waits is put out. */
  async #quiet(): Promise<void> {
    const { world } = this
    const { counts } = world.ledger
    const lost = counts.get('lost')
    world.trace('quiet')
    for (const member of this.#members) member.calm()
    await sleep(world, 1.5 * world.plan.maxPollIntervalMs)
    if (counts.get('lost') !== lost) world.ledger.fail('a member that waited was put out')
  }

  #closeAnother(than: MemberFacts): void {
    const others = [...this.#members].filter(({ facts, isClosing, process }) => {
      return facts !== than && facts.groupId === than.groupId && !isClosing && process.isAlive
    })
    others[this.world.random.below(others.length)]?.closeBeside()
  }

  #anyProcess(): SimulatedProcess | undefined {
    return [...this.#cluster.processes].find(({ isAlive, isOpen }) => isAlive && isOpen)
  }

  /** A process, and after its end another one in its place. */
  async #slot(slot: number): Promise<void> {
    const { world } = this
    for (;;) {
      const process = this.#cluster.start(`p${slot}`)
      const outcome = await Promise.race([this.#work(process, slot), process.ended])
      if (outcome === 'done') return
      for (const member of this.#members) if (member.process === process) this.#members.delete(member)
      await sleep(world, world.random.unit() * 50)
    }
  }

  async #work(process: SimulatedProcess, slot: number): Promise<'done'> {
    const { plan } = this.world
    await process.open()
    const mine = Array.from({ length: plan.members }, (_, index) => index).filter(
      (index) => index % plan.processes === slot,
    )
    await Promise.all([this.#surroundings.produce(process), ...mine.map((index) => this.#member(process, index))])
    return 'done'
  }

  /** A program, and the next one in its place. */
  async #member(process: SimulatedProcess, index: number): Promise<void> {
    const { world } = this
    await process.whileAlive(sleep(world, world.random.unit() * world.plan.wildMs * 0.3))
    while (world.phase !== 'ending') {
      const member = new Member(world, process, index)
      this.#members.add(member)
      await member.live()
      this.#members.delete(member)
      await process.whileAlive(sleep(world, world.random.unit() * 50))
    }
  }

  // ---- what is looked at -------------------------------------------------------------------------------------------

  /** Somebody looks where the groups are. */
  async #look(): Promise<void> {
    const { world } = this
    while (world.phase !== 'ending') {
      await sleep(world, 20 + world.random.unit() * 50)
      const process = this.#anyProcess()
      if (process === undefined) continue
      const looked = this.#lookBy(process).catch((error: unknown) => {
        if (!isStormy(world.plan) || !LogError.is(error)) world.ledger.fail(`a look failed with ${String(error)}`)
      })
      await Promise.race([looked, process.ended])
    }
  }

  async #lookBy(process: SimulatedProcess): Promise<void> {
    const { ledger, time, plan } = this.world
    const since = ledger.commits.now()
    const sinceMs = time.now - plan.maxPollIntervalMs
    for (const { groupId, offsets } of await process.whileAlive(process.log.admin.listGroups())) {
      for (const { topic, partition, nextOffset } of offsets) {
        const life = ledger.lives.soleSince(topic, sinceMs)
        if (life === undefined) continue
        const place = `${groupId} ${topic}.${life.number}-${partition}`
        const possible = ledger.commits.possible(place, since)
        if (possible.has(nextOffset)) continue
        const wanted = [...possible].map(String).join(' or ')
        ledger.fail(`${place} is at ${nextOffset}, and was committed at ${wanted}`)
      }
    }
  }

  /** Every partition has an owner, and all that stands in it is worked off. */
  #isDone(): boolean {
    return this.#whatIsLeft().length === 0
  }

  #whatIsLeft(): string[] {
    const { ledger, plan } = this.world
    const members = [...this.#members].filter(({ isGone }) => !isGone)
    const left = members.filter(({ isClosing }) => isClosing).map(({ facts, doing }) => `${facts.name} is ${doing}`)
    for (const [group] of plan.assignors.entries()) {
      const groupId = `g${group}`
      const readers = members.filter(({ facts }) => facts.groupId === groupId)
      for (const topic of new Set(readers.flatMap(({ topics }) => topics))) {
        const life = ledger.lives.living(topic)
        for (let partition = 0; partition < (life?.partitions ?? 0); partition++) {
          const what = this.#leftOf(readers, groupId, topic, partition)
          if (what !== undefined) left.push(what)
        }
      }
    }
    if (left.length === 0) return left
    return [...left, ...members.map(({ facts, doing }) => `${facts.name} is ${doing}, since ${facts.idleSinceMs}`)]
  }

  #leftOf(readers: readonly Member[], groupId: string, topic: string, partition: number): string | undefined {
    const { ledger } = this.world
    const life = ledger.lives.living(topic)
    if (life === undefined) return undefined
    const holds = readers.flatMap((member) => member.holdOf({ topic, partition }) ?? [])
    const [hold] = holds
    if (hold === undefined || holds.length > 1) return `${topic}-${partition} has ${holds.length} owners in ${groupId}`
    const end = ledger.records.visibleEnd(life, partition)
    const newest = ledger.commits.newest(`${groupId} ${topic}.${life.number}-${partition}`) ?? 0
    // Who commits may be killed before it hears that this is done; where the next one begins tells.
    const committed = Math.max(newest, hold.start)
    return committed >= end ? undefined : `${groupId} is at ${committed} of ${end} of ${topic}-${partition}`
  }

  judged(): string[] {
    const { ledger } = this.world
    return ledger.records.judge([...ledger.groupIds], (groupId, stand) => {
      const to = ledger.commits.newest(`${groupId} ${stand}`) ?? 0
      return { from: ledger.getsAllFrom(groupId, stand), to }
    })
  }
}
