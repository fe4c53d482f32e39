import { LogError } from '../../model/errors.ts'

/** The consumer was told to stop waiting. */
export class Interruption extends LogError {
  constructor() {
    super('REBALANCE_IN_PROGRESS', 'the consumer was told to stop before it had its partitions')
  }
}

/** What a consumer waits for that may be long in coming: a holder of the log, the end of another's transaction. All of it ends at an interrupt. */
export class InterruptibleWaits {
  readonly #giveUps: Set<() => void> = new Set()

  /** `answer`, unless `interrupt` comes before: then an Interruption. */
  async for<T>(answer: T | Promise<T>): Promise<T> {
    let giveUp = () => {}
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = () => reject(new Interruption())
    })
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
