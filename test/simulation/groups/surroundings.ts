import type { Producer } from '../../../bindings/client/producer/producer-type.ts'
import type { TransactionalProducer } from '../../../bindings/client/transaction/transaction-type.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { Cluster } from '../channel/cluster.ts'
import type { SimulatedProcess } from '../channel/process.ts'
import type { TopicLife } from './topic-lives.ts'
import { codeOf, type GroupWorld, happens, isStormy, sleep } from './world.ts'

/**
 * What goes on around the members of a run: records come, topics come and go, clocks jump, connections and processes
 * end.
 */
export class Surroundings {
  readonly #cluster: Cluster
  readonly #world: GroupWorld
  /** Sends and looks that have no answer yet, by topic: a topic goes once it has none. */
  readonly #underWay: Map<string, Set<Promise<unknown>>> = new Map()
  readonly #closed: Set<string> = new Set()

  constructor(cluster: Cluster, world: GroupWorld) {
    this.#cluster = cluster
    this.#world = world
  }

  async createTopics(process: SimulatedProcess): Promise<void> {
    for (const [index, partitions] of this.#world.plan.topics.entries())
      await this.#create(process, `t${index}`, partitions)
  }

  async #create(process: SimulatedProcess, topic: string, partitions: number): Promise<void> {
    await process.whileAlive(process.log.admin.createTopic(topic, { partitions, config: { 'retention.ms': -1 } }))
    this.#world.ledger.lives.created(topic, partitions, this.#world.time.now)
    this.#world.trace(`topic ${topic} of ${partitions}`)
  }

  // ---- records -----------------------------------------------------------------------------------------------------

  /** Records anywhere, some of them in transactions that come to nothing, until nothing is wild any more. */
  async produce(process: SimulatedProcess): Promise<void> {
    const { plan, random } = this.#world
    const producer = process.log.producer()
    const transactional = process.log.producer({
      transactionalId: `producer of ${process.name}`,
      transactionTimeoutMs: 300,
    })
    while (this.#world.phase === 'wild') {
      const topic = `t${random.below(plan.topics.length)}`
      const life = this.#world.ledger.lives.living(topic)
      if (life !== undefined && !this.#closed.has(topic)) {
        const isPlain = !plan.features.has('aborted input') || random.chance(0.6)
        const sent = this.#send(process, isPlain ? producer : undefined, transactional, topic)
        // What a dead process awaits never comes.
        await this.#during(topic, Promise.race([sent, process.ended]))
      }
      await process.sleep(random.unit() * plan.sendMsMax)
    }
  }

  async #during(topic: string, work: Promise<unknown>): Promise<void> {
    const underWay = this.#underWay.get(topic) ?? new Set()
    this.#underWay.set(topic, underWay)
    underWay.add(work)
    try {
      await work
    } finally {
      underWay.delete(work)
    }
  }

  async #send(
    process: SimulatedProcess,
    producer: Producer | undefined,
    transactional: TransactionalProducer,
    topic: string,
  ): Promise<void> {
    const { random, ledger } = this.#world
    const life = ledger.lives.living(topic)
    if (life === undefined) return
    const records = Array.from({ length: 1 + random.below(4) }, () => {
      const partition = random.below(life.partitions)
      return { topic, partition, value: `${topic}/${life.number}/${partition}/${this.#world.number()}` }
    })
    try {
      if (producer !== undefined) {
        const answers = await process.whileAlive(producer.send(records))
        for (const written of this.#written(life, records, answers)) written.isVisible = true
        return
      }
      const transaction = await process.whileAlive(transactional.beginTransaction())
      const written = this.#written(life, records, await process.whileAlive(transaction.send(records)))
      if (random.chance(0.5)) return await process.whileAlive(transaction.abort())
      for (const each of written) each.mayBeVisible = true
      await process.whileAlive(transaction.commit())
      for (const each of written) each.isVisible = true
    } catch (error) {
      ledger.count(`send: ${codeOf(error)}`)
      if (!LogError.is(error) || !isStormy(this.#world.plan)) ledger.fail(`a send failed with ${String(error)}`)
    }
  }

  #written(
    life: TopicLife,
    records: readonly { readonly partition: number; readonly value: string }[],
    answers: readonly { readonly offset: number }[],
  ) {
    const { ledger } = this.#world
    return records.map(({ partition, value }, index) =>
      ledger.records.written(life, partition, answers[index]?.offset ?? -1, value),
    )
  }

  // ---- what goes wrong ---------------------------------------------------------------------------------------------

  async trouble(): Promise<void> {
    const { world, cluster } = { world: this.#world, cluster: this.#cluster }
    const { random, ledger } = world
    while (world.phase === 'wild') {
      if (world.plan.features.has('storm')) cluster.network.weather = weather(random.unit())
      if (happens(world, 'clock set', 0.2)) {
        const stepMs = CLOCK_STEPS_MS[random.below(CLOCK_STEPS_MS.length)] ?? 0
        cluster.time.setWall(stepMs)
        world.trace(`the clock is set by ${stepMs} ms`)
        ledger.count('clock set')
      }
      if (happens(world, 'connections cut', 0.06)) {
        ledger.connectionsLost()
        cluster.network.cutOne()
        world.trace('a connection is cut')
      }
      if (happens(world, 'processes killed', 0.03)) this.#kill()
      await sleep(world, random.unit() * 60)
    }
  }

  #kill(): void {
    const alive = [...this.#cluster.processes].filter(({ isAlive, isOpen }) => isAlive && isOpen)
    const chosen = alive[this.#world.random.below(alive.length)]
    if (chosen === undefined) return
    this.#world.ledger.connectionsLost()
    this.#cluster.kill(chosen)
    this.#world.trace(`${chosen.name} is killed`)
    this.#world.ledger.count('processes killed')
  }

  /** Topics get partitions, and go and come again. */
  async changeTopics(anyProcess: () => SimulatedProcess | undefined): Promise<void> {
    const { random, plan } = this.#world
    while (this.#world.phase === 'wild') {
      await sleep(this.#world, random.unit() * 200)
      const process = anyProcess()
      const topic = `t${random.below(plan.topics.length)}`
      if (process === undefined) continue
      // What a dead process awaits never comes.
      if (happens(this.#world, 'partitions added', 0.3)) await Promise.race([this.#grow(process, topic), process.ended])
      if (happens(this.#world, 'topics deleted', 0.3)) await this.#replace(process, topic, anyProcess)
    }
  }

  async #grow(process: SimulatedProcess, topic: string): Promise<void> {
    const life = this.#world.ledger.lives.living(topic)
    if (life === undefined) return
    const partitions = life.partitions + 1 + this.#world.random.below(3)
    try {
      await process.whileAlive(process.log.admin.createPartitions(topic, partitions))
      life.partitions = partitions
      this.#world.trace(`topic ${topic} has ${partitions}`)
    } catch (error) {
      this.#failed('createPartitions', error)
      await this.#look(process, topic)
    }
  }

  /** Whether it was done. */
  async #look(process: SimulatedProcess, topic: string): Promise<void> {
    const life = this.#world.ledger.lives.living(topic)
    if (life !== undefined)
      life.partitions = (await process.whileAlive(process.log.admin.describeTopic(topic))).partitions
  }

  async #replace(
    process: SimulatedProcess,
    topic: string,
    anyProcess: () => SimulatedProcess | undefined,
  ): Promise<void> {
    const life = this.#world.ledger.lives.living(topic)
    if (life === undefined) return
    this.#closed.add(topic)
    await Promise.allSettled([...(this.#underWay.get(topic) ?? [])])
    life.deletingMs = this.#world.time.now
    this.#world.trace(`topic ${topic} is being deleted`)
    const { random } = this.#world
    await this.#untilDone(
      process,
      anyProcess,
      async ({ log }) => await log.admin.deleteTopic(topic),
      'UNKNOWN_TOPIC_OR_PARTITION',
    )
    life.deletedMs = this.#world.time.now
    if (random.chance(0.5)) await sleep(this.#world, random.unit() * 100)
    const partitions = 1 + random.below(6)
    await this.#untilDone(
      process,
      anyProcess,
      async ({ log }) => await log.admin.createTopic(topic, { partitions, config: { 'retention.ms': -1 } }),
      'TOPIC_ALREADY_EXISTS',
    )
    this.#world.ledger.lives.created(topic, partitions, this.#world.time.now)
    this.#world.ledger.count('topics deleted')
    this.#world.trace(`topic ${topic} of ${partitions}`)
    this.#closed.delete(topic)
  }

  async #untilDone(
    first: SimulatedProcess,
    anyProcess: () => SimulatedProcess | undefined,
    ask: (process: SimulatedProcess) => Promise<unknown>,
    isDone: 'UNKNOWN_TOPIC_OR_PARTITION' | 'TOPIC_ALREADY_EXISTS',
  ): Promise<void> {
    for (let process: SimulatedProcess | undefined = first; ; process = anyProcess()) {
      if (process?.isAlive === true) {
        const asked = process.whileAlive(ask(process)).then(
          () => 'done',
          (error: unknown) => (LogError.is(error, isDone) ? 'done' : this.#failed('a change of topics', error)),
        )
        if ((await Promise.race([asked, process.ended])) === 'done') return
      }
      await sleep(this.#world, 20)
    }
  }

  #failed(what: string, error: unknown): void {
    this.#world.ledger.count(`${what}: ${codeOf(error)}`)
    if (!LogError.is(error) || !isStormy(this.#world.plan))
      this.#world.ledger.fail(`${what} failed with ${String(error)}`)
  }
}

/** Less than half a second is nothing that a deadline notices: `engine/scheduler.ts`. */
const CLOCK_STEPS_MS = [-20_000, -2000, 700, 5000, 3_600_000]

function weather(badness: number) {
  return { delayMsMax: 1 + badness * 8, stallChance: badness * 0.05, stallMsMax: 60, duplicateChance: badness * 0.2 }
}
