import type { Consumer } from '../../../bindings/client/consumer/consumer-type.ts'
import type { Transaction, TransactionalProducer } from '../../../bindings/client/transaction/transaction-type.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { Given, Member } from './member.ts'
import { commitCall, commitPositions } from './member-commits.ts'
import { codeOf, happens, isStormy, sleep } from './world.ts'

/** What a program does with what it is given, and what else it does meanwhile. */
export class MemberWork {
  readonly #member: Member
  #producer: TransactionalProducer | undefined
  #unanswered: Promise<unknown> = Promise.resolve()

  constructor(member: Member) {
    this.#member = member
  }

  async on(given: Given): Promise<void> {
    const { world } = this.#member
    const { random, plan } = world
    await this.#member.sleepsFor('working', random.unit() * plan.workMsMax)
    if (happens(world, 'bodies hang', 0.03)) {
      await this.#member.sleepsFor('hanging', plan.maxPollIntervalMs * (1.1 + random.unit()))
    }
    if (happens(world, 'pauses', 0.05)) this.#pause(given)
    if (this.#member.facts.begins !== 'positions' && happens(world, 'transactions', 0.5)) {
      await this.#unanswered
      return await this.#transact(given)
    }
    if (happens(world, 'seeks', 0.05)) return await this.#seek(given)
    await this.#commit(given)
  }

  async #commit(given: Given): Promise<void> {
    const { world, consumer, facts } = this.#member
    const { hold } = given
    const drawn = world.phase === 'wild' ? world.random.unit() : 0
    if (hold === undefined || drawn > 0.7) return
    this.#member.doing = 'committing'
    if (!happens(world, 'commits not awaited', 0.5)) await this.#unanswered
    if (drawn > 0.6) return await commitPositions(this.#member, [...facts.holds.values()])
    const call = world.ledger.committing(facts, [{ hold, nextOffset: given.nextOffset }])
    const committed = commitCall(this.#member, call, () => consumer.commit(given.item as never))
    if (happens(world, 'commits not awaited', 0.5)) this.#unanswered = Promise.all([this.#unanswered, committed])
    else await committed
  }

  async #seek(given: Given): Promise<void> {
    const { world, consumer } = this.#member
    const hold = this.#member.holdOf(given)
    if (hold === undefined) return
    await this.#unanswered
    const nextOffset = world.random.below(given.nextOffset + 1)
    const { topic, partition } = given
    this.#member.doing = 'seeking'
    try {
      await this.#member.process.whileAlive(consumer.seek({ topic, partition, nextOffset }))
      world.trace(`${this.#member.facts.name} seeks ${topic}-${partition} to ${nextOffset}`)
      if (hold.state !== 'held') return
      hold.expected = nextOffset
      hold.restart = nextOffset
    } catch (error) {
      if (LogError.is(error, 'CONSUMER_CLOSED') && this.#member.isClosing) return
      if (LogError.is(error, 'INVALID_REQUEST') && hold.state !== 'held') return
      world.ledger.fail(`seek of ${this.#member.facts.name} rejected with ${String(error)}`)
    }
  }

  #pause({ topic, partition }: Given): void {
    const { world, consumer, process } = this.#member
    if (this.#member.isClosing || this.#member.holdOf({ topic, partition }) === undefined) return
    consumer.pause(world.random.chance(0.5) ? [{ topic, partition }] : undefined)
    world.time.after(world.random.unit() * 100, () => {
      if (process.isAlive && !this.#member.isClosing) consumer.resume()
    })
  }

  // ---- transactions ------------------------------------------------------------------------------------------------

  async #transact(given: Given): Promise<void> {
    const { world, process, facts } = this.#member
    const { plan } = world
    this.#producer ??= process.log.producer({
      transactionalId: `of ${facts.name}`,
      transactionTimeoutMs: Math.round(plan.maxPollIntervalMs * 0.4),
    })
    this.#member.doing = 'beginning a transaction'
    let transaction: Transaction
    try {
      transaction = await process.whileAlive(this.#producer.beginTransaction())
    } catch (error) {
      return this.#failed('begin', error)
    }
    // Beside the iteration: whoever is given the partition meanwhile has to wait for its end.
    const isBeside = happens(world, 'transactions', 0.4)
    const ended = this.#sendOffsets(given, transaction, isBeside)
    if (isBeside) this.#unanswered = ended
    else await ended
  }

  async #sendOffsets(given: Given, transaction: Transaction, isBeside: boolean): Promise<void> {
    const { world, process, consumer, facts } = this.#member
    const { hold } = given
    this.#member.doing = 'in a transaction'
    if (hold === undefined) return await this.#abort(transaction)
    const call = world.ledger.committing(facts, [{ hold, nextOffset: given.nextOffset }])
    // What comes again then comes at once.
    hold.mayComeAgain = isBeside
    const isAbort = !isBeside && world.random.chance(0.2)
    let isDone = false
    try {
      await process.whileAlive(transaction.sendOffsets(consumer as Consumer, given.item as never))
      if (world.random.chance(0.5)) await process.whileAlive(sleep(world, world.random.unit() * 150))
      if (!isAbort) await process.whileAlive(transaction.commit())
      isDone = !isAbort
    } catch (error) {
      this.#failed('transaction', error)
      const isUnknown = isStormy(world.plan) && !LogError.is(error, 'TRANSACTION_ABORTABLE')
      const isTimeout = LogError.is(error, 'TRANSACTION_ABORTABLE')
      world.ledger.refused(call, codeOf(error), isUnknown, isTimeout)
      await this.#abort(transaction)
      return this.#rewound(given, isBeside)
    }
    if (isDone) {
      hold.mayComeAgain = false
      return world.ledger.committed(call)
    }
    await this.#abort(transaction)
    world.ledger.refused(call, 'abort', false, true)
    this.#rewound(given)
  }

  /** All that was delivered since its last commit comes again. */
  #rewound(given: Given, isBeside = false): void {
    if (isBeside) return
    const { consumer, isClosing, world, facts } = this.#member
    const hold = this.#member.holdOf(given)
    if (hold === undefined || hold.state !== 'held' || isClosing) return
    if (!consumer.assignment().some(({ topic, partition }) => topic === given.topic && partition === given.partition))
      return
    const position = consumer.position(given)
    const isUnknown = isStormy(world.plan) && position >= hold.restart && position <= hold.expected
    if (position !== hold.restart && !isUnknown) {
      world.ledger.fail(
        `${facts.name} is at ${position} of ${given.topic}-${given.partition} after an abort, and began at ${hold.restart}`,
      )
    }
    hold.expected = position
  }

  async #abort(transaction: Transaction): Promise<void> {
    try {
      await this.#member.process.whileAlive(transaction.abort())
    } catch (error) {
      this.#failed('abort', error)
    }
  }

  #failed(what: string, error: unknown): void {
    const { world, facts } = this.#member
    world.trace(`${facts.name}'s ${what} failed with ${codeOf(error)}`)
    world.ledger.count(`${what}: ${codeOf(error)}`)
    if (!LogError.is(error)) world.ledger.fail(`${what} of ${facts.name} failed with ${String(error)}`)
    if (!isStormy(world.plan) && !LogError.is(error, ...EXPECTED)) {
      world.ledger.fail(`${what} of ${facts.name} failed with ${String(error)}`)
    }
    if (LogError.is(error, 'PRODUCER_FENCED', 'PRODUCER_CLOSED')) this.#producer = undefined
  }
}

const EXPECTED = [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'UNKNOWN_TOPIC_ID',
  'CONSUMER_CLOSED',
  'TRANSACTION_ABORTABLE',
] as const
