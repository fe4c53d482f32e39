import { loadCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import { CALM, type Weather } from '../../../bindings/testkit/simulation/channel/conditions.ts'
import { Cluster } from './cluster.ts'
import { judgeTold } from './judge-told.ts'
import type { Happening, Plan, PlannedEvent } from './plan.ts'
import type { SimulatedProcess } from './process.ts'
import { Recording } from './recording.ts'
import { STORIES } from './stories/stories.ts'
import type { Story } from './stories/story.ts'
import { note, RECOVERY_REPORT, type World } from './world.ts'

export interface Outcome {
  /** What no log may do, by the checker of histories and by the model. */
  readonly wrong: readonly string[]
  readonly hash: string
  readonly operationCount: number
  readonly elapsedMs: number
  readonly counts: Readonly<Record<string, number>>
  readonly happened: ReadonlyMap<Happening, number>
  /** Of what nothing else shows that a run got there. */
  readonly rare: ReadonlyMap<string, number>
  /** How often a holder's log failed with its disk. */
  readonly failedLogs: number
  readonly told: ReadonlyMap<string, number>
}

/** Of virtual time: enough for every retry to come to its end once the weather is calm. */
const LIMIT_MS = 120_000

/**
 * One run: programs in several processes, everything that can happen to them, then calm, the end, and the judgement.
 */
export async function simulate(plan: Plan): Promise<Outcome> {
  await loadCodecs()
  const cluster = new Cluster(plan.seed, plan.settings)
  const { random, time, rarePaths } = cluster
  const recording = new Recording(plan.losesUnflushed)
  const world: World = {
    ...{ random, plan, time, recording, isEnding: false, told: new Map(), unexpected: [] },
    damaged: cluster.damaged,
    troubleMs: () => cluster.troubleMs,
    storageFailed: (process) => cluster.storageFailed(process),
    mark: (name) => rarePaths.mark(name),
  }
  const story = STORIES[plan.kind]()
  const stuck = await new Run(cluster, world, story).whole()
  if (cluster.damageReports > 0) world.told.set(RECOVERY_REPORT, cluster.damageReports)
  if (plan.losesUnflushed) recording.forgetUncommittedOffsets()
  for (const { value, offset } of recording.sends) cluster.trace.add(`${value} ${offset}`)
  return {
    wrong: [
      ...world.unexpected,
      ...recording.wrong,
      ...(stuck === undefined ? story.judge(world) : [stuck]),
      ...judgeTold(plan, world.told, cluster.happened),
    ],
    hash: cluster.trace.value,
    operationCount: recording.sends.length + recording.transactions.length,
    elapsedMs: Math.round(time.elapsedMs),
    counts: { ...cluster.counts, ...cluster.network.counts },
    happened: cluster.happened,
    rare: rarePaths.counts,
    failedLogs: cluster.failedLogs,
    told: world.told,
  }
}

class Run {
  readonly #cluster: Cluster
  readonly #world: World
  readonly #story: Story

  constructor(cluster: Cluster, world: World, story: Story) {
    this.#cluster = cluster
    this.#world = world
    this.#story = story
  }

  get #plan(): Plan {
    return this.#world.plan
  }

  /** Why it didn't come to its end, if it didn't. */
  async whole(): Promise<string | undefined> {
    return this.#cluster.whyUnfinished(() => this.#fromBeginToEnd(), LIMIT_MS)
  }

  async #fromBeginToEnd(): Promise<void> {
    const cluster = this.#cluster
    const first = cluster.start('first')
    await first.open()
    await this.#story.prepare(first, this.#world)
    await first.close()
    cluster.processes.delete(first)
    const slots = Array.from({ length: this.#plan.settings.slots }, (_, slot) => this.#slot(slot))
    await this.#chaos()
    cluster.network.weather = CALM
    cluster.mendDisk()
    if (this.#story.isDone !== undefined) await this.#done(this.#story.isDone)
    this.#world.isEnding = true
    await Promise.all(slots)
    await this.#story.settle?.([...cluster.processes], this.#world)
    for (const process of [...cluster.processes]) await this.#close(process)
    await this.#end(cluster.start('last'))
  }

  async #end(last: SimulatedProcess): Promise<void> {
    const { mayBeDamaged } = this.#story
    try {
      await last.open()
    } catch (error) {
      if (mayBeDamaged !== true) throw error
      return note(this.#world, last, error)
    }
    await this.#story.end(last, this.#world)
    await last.close()
  }

  /** Where its disk failed it may be killed meanwhile, and what a dead process awaits never comes. */
  async #close(process: SimulatedProcess): Promise<void> {
    try {
      await Promise.race([process.close(), process.ended])
      this.#cluster.processes.delete(process)
    } catch (error) {
      note(this.#world, process, error)
      this.#cluster.kill(process)
    }
  }

  /** A process, and after its end another one in its place. */
  async #slot(slot: number): Promise<void> {
    const world = this.#world
    for (;;) {
      const process = this.#cluster.start(`p${slot}`)
      const work = async (): Promise<'done'> => {
        await process.open()
        this.#story.follow?.(process, world).catch((error: unknown) => note(world, process, error))
        await this.#story.program(process, world, slot)
        return 'done'
      }
      // A log whose disk fails while it is opened is no log: the program ends, and another one tries.
      const failed = (error: unknown) => {
        note(world, process, error)
        if (process.isAlive) this.#cluster.kill(process)
      }
      const outcome = await Promise.race([work().catch(failed), process.ended])
      if (outcome === 'done' || (world.isEnding && this.#story.mayBeDamaged === true)) return
      await this.#sleep(world.random.unit() * 150)
    }
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.time.after(delayMs, () => resolve()))
  }

  async #chaos(): Promise<void> {
    for (const event of this.#plan.events) {
      this.#cluster.network.weather = weather(event.badness)
      await this.#sleep(event.afterMs)
      if (this.#happen(event)) this.#cluster.count(event.what)
    }
  }

  /** False where there is nobody that it could happen to. */
  #happen({ what, draw }: PlannedEvent): boolean {
    const cluster = this.#cluster
    const alive = [...cluster.processes].filter(({ isAlive }) => isAlive)
    const chosen = what === 'holder killed' ? cluster.holder : alive[Math.floor(draw * alive.length)]
    switch (what) {
      case 'connection cut':
        cluster.cutConnection()
        return true
      case 'process killed':
      case 'holder killed':
        if (chosen?.isAlive !== true) return false
        cluster.kill(chosen)
        return true
      case 'clock set':
        cluster.time.setWall(CLOCK_STEPS_MS[Math.floor(draw * CLOCK_STEPS_MS.length)] ?? 0)
        return true
      case 'power failure':
        cluster.failPower()
        return true
      default:
        return cluster.troubleDisk(what, draw)
    }
  }

  async #done(isDone: NonNullable<Story['isDone']>): Promise<void> {
    for (;;) {
      await this.#sleep(100)
      const process = [...this.#cluster.processes].find(({ isAlive, isOpen }) => isAlive && isOpen)
      if (process === undefined) continue
      const told = isDone(process, this.#world).catch((error: unknown) => note(this.#world, process, error))
      if ((await Promise.race([told, this.#sleep(1000)])) === true) return
    }
  }
}

/** Corrections, a machine that slept for some seconds, and somebody's mistake. */
const CLOCK_STEPS_MS = [-2000, -300, 700, 5000, 3 * 86_400_000]

/** From calm to a storm. */
function weather(badness: number): Weather {
  return {
    delayMsMax: 1 + badness * 8,
    stallChance: badness * 0.05,
    stallMsMax: 150,
    duplicateChance: badness * 0.2,
  }
}
