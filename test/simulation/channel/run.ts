import { LogError } from '../../../bindings/model/errors.ts'
import { describeAnomaly } from '../../../bindings/testkit/history/anomaly.ts'
import { checkHistory } from '../../../bindings/testkit/history/check-history.ts'
import { CALM, type Weather } from '../../../bindings/testkit/simulation/channel/conditions.ts'
import { Cluster, Stuck } from './cluster.ts'
import { copy, GROUP } from './group-program.ts'
import { judgeEnd } from './model.ts'
import type { Happening, Kind, Plan, PlannedEvent } from './plan.ts'
import type { SimulatedProcess } from './process.ts'
import { follow, note, PARTITIONS, type Program, produce, textsOf, transact, type World } from './programs.ts'
import { Recording } from './recording.ts'

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
const PROGRAMS: Readonly<Record<Kind, Program>> = { producers: produce, transactions: transact, groups: copy }

/** One run: programs in several processes, everything that can happen to them, then calm, the end, and the judgement. */
export async function simulate(plan: Plan): Promise<Outcome> {
  const cluster = new Cluster(plan.seed, plan.settings)
  const recording = new Recording()
  const { random } = cluster
  const { losesUnflushed } = plan
  const storageFailed = (process: SimulatedProcess) => cluster.storageFailed(process)
  const told = new Map<string, number>()
  const { burst } = plan.settings
  const world: World = {
    random,
    burst,
    recording,
    isEnding: false,
    losesUnflushed,
    told,
    unexpected: [],
    storageFailed,
  }
  const stuck = await new Run(cluster, world, plan).whole()
  if (losesUnflushed) recording.forgetUncommittedOffsets()
  const anomalies = stuck === undefined ? checkHistory(recording.history(GROUP, 'in')).anomalies : []
  const wrong = stuck === undefined ? [...judgeEnd(recording, plan.kind === 'groups' ? 'group' : 'plain')] : [stuck]
  for (const { value, offset } of recording.sends) cluster.trace.add(`${value} ${offset}`)
  return {
    wrong: [...world.unexpected, ...anomalies.map(describeAnomaly), ...wrong],
    hash: cluster.trace.value,
    operationCount: recording.sends.length + recording.transactions.length,
    elapsedMs: Math.round(cluster.time.elapsedMs),
    counts: { ...cluster.counts, ...cluster.network.counts },
    happened: cluster.happened,
    rare: cluster.rarePaths.counts,
    failedLogs: cluster.failedLogs,
    told,
  }
}

class Run {
  readonly #cluster: Cluster
  readonly #world: World
  readonly #plan: Plan

  constructor(cluster: Cluster, world: World, plan: Plan) {
    this.#cluster = cluster
    this.#world = world
    this.#plan = plan
  }

  get #kind(): Kind {
    return this.#plan.kind
  }

  /** Why it didn't come to its end, if it didn't. */
  async whole(): Promise<string | undefined> {
    let failure: unknown
    let isDone = false
    const end = (error?: unknown) => {
      failure = error
      isDone = true
    }
    this.#story().then(() => end(), end)
    try {
      await this.#cluster.run(() => isDone, LIMIT_MS)
      if (failure !== undefined) throw failure
      return undefined
    } catch (error) {
      if (!(error instanceof Stuck) && !LogError.is(error)) throw error
      return `the run didn't come to its end: ${String(error)}`
    }
  }

  async #story(): Promise<void> {
    const cluster = this.#cluster
    const first = cluster.start('first')
    await first.open()
    await this.#prepare(first)
    await first.close()
    cluster.processes.delete(first)
    const slots = Array.from({ length: this.#plan.settings.slots }, (_, slot) => this.#slot(slot))
    await this.#chaos()
    cluster.network.weather = CALM
    cluster.mendDisk()
    if (this.#kind === 'groups') await this.#drained()
    this.#world.isEnding = true
    await Promise.all(slots)
    for (const process of [...cluster.processes]) await this.#close(process)
    await this.#readAll()
  }

  async #close(process: SimulatedProcess): Promise<void> {
    try {
      await process.close()
      this.#cluster.processes.delete(process)
    } catch (error) {
      note(this.#world, process, error)
      this.#cluster.kill(process)
    }
  }

  async #prepare({ log }: SimulatedProcess): Promise<void> {
    const { recording } = this.#world
    const { segmentBytes, inputs } = this.#plan.settings
    const config = { 'segment.bytes': segmentBytes }
    if (this.#kind !== 'groups') return log.admin.createTopic('t', { partitions: PARTITIONS, config })
    for (const topic of ['in', 'out']) await log.admin.createTopic(topic, { partitions: PARTITIONS, config })
    const producer = log.producer()
    const sends = Array.from({ length: inputs }, (_, index) => {
      return recording.send('in', index % PARTITIONS, 'filler', `in#${recording.number()}`, undefined)
    })
    const results = await producer.send(sends.map(({ partition, value }) => ({ topic: 'in', partition, value })))
    recording.acknowledged(sends, results)
  }

  /** A process, and after its end another one in its place. */
  async #slot(slot: number): Promise<void> {
    const world = this.#world
    for (;;) {
      const process = this.#cluster.start(`p${slot}`)
      const work = async (): Promise<'done'> => {
        await process.open()
        const topic = this.#kind === 'groups' ? 'out' : 't'
        follow(process, world, topic, PARTITIONS).catch((error: unknown) => note(world, process, error))
        await PROGRAMS[this.#kind](process, world, slot)
        return 'done'
      }
      // A log whose disk fails while it is opened is no log: the program ends, and another one tries.
      const failed = (error: unknown) => {
        note(world, process, error)
        if (process.isAlive) this.#cluster.kill(process)
      }
      const outcome = await Promise.race([work().catch(failed), process.ended])
      if (outcome === 'done') return
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
        cluster.network.cutOne()
        return true
      case 'process killed':
      case 'holder killed':
        if (chosen?.isAlive !== true) return false
        cluster.kill(chosen)
        return true
      case 'power failure':
        cluster.failPower()
        return true
      default:
        return cluster.troubleDisk(what, draw)
    }
  }

  async #drained(): Promise<void> {
    for (;;) {
      await this.#sleep(100)
      const process = [...this.#cluster.processes].find(({ isAlive, isOpen }) => isAlive && isOpen)
      if (process === undefined) continue
      const lags = await Promise.race([lagOf(process, this.#plan.settings.inputs), this.#sleep(1000)])
      if (lags === 0) return
    }
  }

  async #readAll(): Promise<void> {
    const { recording } = this.#world
    const last = this.#cluster.start('last')
    await last.open()
    for (const topic of this.#kind === 'groups' ? ['in', 'out'] : ['t']) {
      const found = Array.from({ length: PARTITIONS }, (): { offset: number; value: string }[] => [])
      for await (const batch of last.log.read(topic, { until: 'end' }).batches()) {
        found[batch.partition]?.push(...textsOf(batch))
      }
      recording.finalReads.push(...found.map((records, partition) => ({ topic, partition, records })))
    }
    if (this.#kind === 'groups') {
      const [group] = await last.log.admin.listGroups()
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const offset = group?.offsets.find((each) => each.partition === partition)?.nextOffset ?? -1
        recording.finalOffsets.push({ group: GROUP, topic: 'in', partition, offset })
      }
    }
    await last.close()
  }
}

async function lagOf({ log }: SimulatedProcess, inputs: number): Promise<number | undefined> {
  try {
    const [group] = await log.admin.listGroups()
    return inputs - (group?.offsets ?? []).reduce((sum, { nextOffset }) => sum + nextOffset, 0)
  } catch (error) {
    if (LogError.is(error)) return undefined
    throw error
  }
}

/** From calm to a storm. */
function weather(badness: number): Weather {
  return {
    delayMsMax: 1 + badness * 8,
    stallChance: badness * 0.05,
    stallMsMax: 150,
    duplicateChance: badness * 0.2,
  }
}
