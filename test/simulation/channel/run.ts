import { LogError } from '../../../bindings/model/errors.ts'
import { describeAnomaly } from '../../../bindings/testkit/history/anomaly.ts'
import { checkHistory } from '../../../bindings/testkit/history/check-history.ts'
import { CALM, type Weather } from '../../../bindings/testkit/simulation/channel/conditions.ts'
import { Cluster, Stuck } from './cluster.ts'
import { copy, GROUP } from './group-program.ts'
import { judgeEnd } from './model.ts'
import type { SimulatedProcess } from './process.ts'
import { follow, note, PARTITIONS, type Program, produce, textsOf, transact, type World } from './programs.ts'
import { Recording } from './recording.ts'

export type Kind = 'producers' | 'transactions' | 'groups'

export const KINDS: readonly Kind[] = ['producers', 'transactions', 'groups']

/** How a failure is shown again. */
export function commandOf(kind: Kind, seed: number): string {
  return `node --import tsx test/simulation/channel.test.ts ${kind} ${seed}`
}

export interface Outcome {
  /** What no log may do, by the checker of histories and by the model. */
  readonly wrong: readonly string[]
  readonly hash: string
  readonly operationCount: number
  readonly elapsedMs: number
  readonly counts: Readonly<Record<string, number>>
  readonly told: ReadonlyMap<string, number>
}

const SLOTS = 3
const INPUTS = 120
const CHAOS_MS = 1500
/** Of virtual time: enough for every retry to come to its end once the weather is calm. */
const LIMIT_MS = 120_000
const PROGRAMS: Readonly<Record<Kind, Program>> = { producers: produce, transactions: transact, groups: copy }

/** One run: programs in several processes, everything that can happen to them, then calm, the end, and the judgement. */
export async function simulate(kind: Kind, seed: number): Promise<Outcome> {
  const cluster = new Cluster(seed)
  const recording = new Recording()
  const { random } = cluster
  const losesPower = random.chance(0.3)
  const world: World = { random, recording, isEnding: false, losesPower, told: new Map(), unexpected: [] }
  const run = new Run(cluster, world, kind)
  const stuck = await run.whole()
  if (losesPower) recording.forgetUncommittedOffsets()
  const anomalies = stuck === undefined ? checkHistory(recording.history(GROUP, 'in')).anomalies : []
  const wrong = stuck === undefined ? [...judgeEnd(recording, kind === 'groups' ? 'group' : 'plain')] : [stuck]
  for (const { value, offset } of recording.sends) cluster.trace.add(`${value} ${offset}`)
  return {
    wrong: [...world.unexpected, ...anomalies.map(describeAnomaly), ...wrong],
    hash: cluster.trace.value,
    operationCount: recording.sends.length + recording.transactions.length,
    elapsedMs: Math.round(cluster.time.elapsedMs),
    counts: { ...cluster.counts, ...cluster.network.counts },
    told: world.told,
  }
}

class Run {
  readonly #cluster: Cluster
  readonly #world: World
  readonly #kind: Kind

  constructor(cluster: Cluster, world: World, kind: Kind) {
    this.#cluster = cluster
    this.#world = world
    this.#kind = kind
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
    const slots = Array.from({ length: SLOTS }, (_, slot) => this.#slot(slot))
    await this.#chaos()
    cluster.network.weather = CALM
    const { holder } = cluster
    if (holder?.disk !== undefined) holder.disk.crashAt = Number.POSITIVE_INFINITY
    if (this.#kind === 'groups') await this.#drained()
    this.#world.isEnding = true
    await Promise.all(slots)
    for (const process of [...cluster.processes]) {
      await process.close()
      cluster.processes.delete(process)
    }
    await this.#readAll()
  }

  async #prepare({ log }: SimulatedProcess): Promise<void> {
    const { recording } = this.#world
    const config = { 'segment.bytes': 8000 }
    if (this.#kind !== 'groups') return log.admin.createTopic('t', { partitions: PARTITIONS, config })
    for (const topic of ['in', 'out']) await log.admin.createTopic(topic, { partitions: PARTITIONS, config })
    const producer = log.producer()
    const sends = Array.from({ length: INPUTS }, (_, index) => {
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
        follow(process, world, topic, PARTITIONS).catch((error: unknown) => note(world, error))
        await PROGRAMS[this.#kind](process, world, slot)
        return 'done'
      }
      const outcome = await Promise.race([work(), process.ended])
      if (outcome === 'done') return
      await this.#sleep(world.random.unit() * 150)
    }
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.time.after(delayMs, () => resolve()))
  }

  async #chaos(): Promise<void> {
    const cluster = this.#cluster
    const { random, network, time } = cluster
    const end = time.now + CHAOS_MS
    while (time.now < end) {
      network.weather = weather(random.unit())
      await this.#sleep(5 + random.unit() * 60)
      const what = random.unit()
      const processes = [...cluster.processes].filter(({ isAlive }) => isAlive)
      const chosen = processes[random.below(processes.length)]
      if (what < 0.4) network.cutOne()
      else if (what < 0.55 && chosen !== undefined) cluster.kill(chosen)
      else if (what < 0.65 && cluster.holder?.isAlive === true) cluster.kill(cluster.holder)
      else if (what < 0.8) cluster.crashHolderSoon()
      else if (what < 0.85 && this.#world.losesPower) cluster.failPower()
    }
  }

  async #drained(): Promise<void> {
    for (;;) {
      await this.#sleep(100)
      const process = [...this.#cluster.processes].find(({ isAlive }) => isAlive)
      if (process === undefined) continue
      const lags = await Promise.race([lagOf(process), this.#sleep(1000)])
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

async function lagOf({ log }: SimulatedProcess): Promise<number | undefined> {
  try {
    const [group] = await log.admin.listGroups()
    return INPUTS - (group?.offsets ?? []).reduce((sum, { nextOffset }) => sum + nextOffset, 0)
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
