import type { RebalanceEvent } from '../../../bindings/client/consumer/consumer-type.ts'
import type { TopicPartition } from '../../../bindings/model/positions.ts'
import { placeOf } from './ledger.ts'
import type { Member } from './member.ts'
import { commitPositions } from './member-commits.ts'
import { happens, OnPurpose } from './world.ts'

/** What a program does where it is told that partitions come and go. */
export class MemberHandlers {
  readonly #member: Member
  /** What the first handler of each event was told that the second one wasn't told yet. */
  #untold = ''
  #isRunning = false

  constructor(member: Member) {
    this.#member = member
    const { consumer } = member
    for (const event of ['assigned', 'revoked', 'lost'] as const) {
      consumer.on(event, (places) => this.#first(event, places))
      consumer.on(event, (places) => this.#second(event, places))
    }
  }

  async #first(event: RebalanceEvent, places: readonly TopicPartition[]): Promise<void> {
    const { world, facts } = this.#member
    const { ledger } = world
    if (this.#member.isGone) ledger.fail(`${facts.name} is closed, and was told ${event}`)
    if (this.#isRunning) ledger.fail(`${facts.name} was told ${event} while another handler ran`)
    this.#isRunning = true
    this.#untold = `${event} ${places.map(placeOf).join()}`
    const begunMs = world.time.now
    try {
      await this.#handle(event, places)
    } finally {
      this.#isRunning = false
      const tookMs = world.time.now - begunMs
      if (tookMs > facts.maxPollIntervalMs / 4) ledger.holdsUp(facts, 0)
    }
  }

  #second(event: RebalanceEvent, places: readonly TopicPartition[]): void {
    const { world, facts } = this.#member
    const told = `${event} ${places.map(placeOf).join()}`
    if (told !== this.#untold) world.ledger.fail(`${facts.name} was told ${told} after ${this.#untold}`)
    this.#untold = ''
  }

  async #handle(event: RebalanceEvent, places: readonly TopicPartition[]): Promise<void> {
    const { world, facts, consumer } = this.#member
    const { ledger } = world
    if (event === 'assigned') {
      ledger.assigned(facts, places, (at) => consumer.position(at))
      ledger.holdsAre(facts, consumer.assignment())
      return await this.#takeTime(event)
    }
    if (event === 'lost') {
      ledger.lost(facts, places)
      ledger.holdsAre(facts, consumer.assignment())
      return await this.#takeTime(event)
    }
    ledger.holdsAre(facts, consumer.assignment())
    const holds = ledger.revoking(facts, places)
    let hasThrown = true
    try {
      if (world.plan.features.has('commits in revoked')) await commitPositions(this.#member, holds)
      await this.#takeTime(event)
      hasThrown = false
    } finally {
      ledger.revoked(holds, hasThrown)
    }
  }

  async #takeTime(event: RebalanceEvent): Promise<void> {
    const { world, facts } = this.#member
    const { random, plan } = world
    if (happens(world, 'slow handlers', 0.5)) await this.#sleepsFor(`handling ${event}`, random.unit() * 40)
    if (happens(world, 'handlers hang', 0.05)) {
      const forMs = plan.maxPollIntervalMs * (1.1 + random.unit())
      world.ledger.holdsUp(facts, forMs)
      await this.#sleepsFor(`hanging in ${event}`, forMs)
    }
    if (!happens(world, 'handlers throw', 0.1)) return
    facts.hasThrown = true
    throw new OnPurpose(`handler of ${event}`)
  }

  /** Its program may go on meanwhile. */
  async #sleepsFor(what: string, delayMs: number): Promise<void> {
    const { doing } = this.#member
    await this.#member.sleepsFor(what, delayMs)
    if (this.#member.doing === what) this.#member.doing = doing
  }

  /** Its consumer is closed. */
  judge(): void {
    const { world, facts } = this.#member
    if (this.#untold !== '') world.ledger.fail(`a handler of ${facts.name} wasn't told ${this.#untold}`)
  }
}
