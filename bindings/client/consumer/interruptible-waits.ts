import { LogError } from '../../model/errors.ts'
import { closedConsumer } from '../closed.ts'

/** Thrown by a wait that the consumer was told to end: by its close, or by the end of its iteration. */
export class Interruption extends LogError {
  constructor(by: 'close' | 'stop', groupId: string) {
    if (by === 'close') super('CONSUMER_CLOSED', closedConsumer(groupId), { groupId })
    else super('REBALANCE_IN_PROGRESS', 'the consumer was told to stop before it had its partitions', { groupId })
  }
}

/**
 * The waits of a consumer that may be long, such as for a holder of the log or for the end of another producer's
 * transaction. An interrupt ends all of them.
 */
export class InterruptibleWaits {
  readonly #groupId: string
  readonly #giveUps: Set<() => void> = new Set()
  readonly #isOver: () => boolean
  readonly #isClosed: () => boolean

  /** `isOver`: whether an interrupt has come already, perhaps between two waits. The next wait then ends at once. */
  constructor(groupId: string, isOver: () => boolean, isClosed: () => boolean) {
    this.#groupId = groupId
    this.#isOver = isOver
    this.#isClosed = isClosed
  }

  /** Resolves with `answer`; rejects with an Interruption if `interrupt` is called first, or if `isOver` already. */
  async for<T>(answer: T | Promise<T>): Promise<T> {
    let giveUp = () => {}
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = () => reject(new Interruption(this.#isClosed() ? 'close' : 'stop', this.#groupId))
    })
    if (this.#isOver()) giveUp()
    this.#giveUps.add(giveUp)
    try {
      return await Promise.race([answer, givenUp])
    } finally {
      this.#giveUps.delete(giveUp)
    }
  }

  interrupt(): void {
    for (const giveUp of [...this.#giveUps]) giveUp()
  }
}
