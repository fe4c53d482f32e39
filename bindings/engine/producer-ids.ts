import type { Callback } from './commands.ts'

/** Hands out producer ids from blocks that a frame reserved before (durability rule 8, kafka.md 3.1). */
export class ProducerIds {
  /** Asks for the block that begins with `from` to be reserved; `reserved` is called once it is durable. */
  readonly #reserve: (from: number) => void
  #next = 0
  #end = 0
  #waiting: Callback<number>[] = []

  constructor(reserve: (from: number) => void) {
    this.#reserve = reserve
  }

  /** As recovery found it: everything below `next` may have been handed out. */
  recovered(next: number): void {
    this.#next = next
    this.#end = next
  }

  take(done: Callback<number>): void {
    if (this.#next < this.#end) return done(undefined, this.#next++)
    this.#waiting.push(done)
    this.#reserve(this.#next)
  }

  reserved(end: number): void {
    this.#end = end
    for (const done of this.#waiting.splice(0)) this.take(done)
  }

  fail(error: unknown): void {
    for (const done of this.#waiting.splice(0)) done(error)
  }
}
