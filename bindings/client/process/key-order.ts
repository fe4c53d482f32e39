import { SmallestFirst } from './smallest-first.ts'

/**
 * How many items, for each of `width`, may begin ahead of the first unfinished one. It bounds the work left when the
 * time is up.
 */
const AHEAD_PER_WIDTH = 16

/** How long the work may go on; asked between two items. */
export interface TimeSlice {
  isOver(): boolean
  /** A promise to wait for, if the rest of the process has had no turn for a millisecond. */
  yieldIfDue(): Promise<void> | undefined
}

/** What is done with items. */
export interface OrderedWork<I, O> {
  /** How many items are worked on at once, at most. */
  readonly width: number
  readonly keyOf: (item: I) => string
  readonly work: (item: I) => Promise<O>
  readonly slice: TimeSlice
}

async function oneByOne<I, O>(items: readonly I[], { work, slice }: OrderedWork<I, O>): Promise<O[]> {
  const answers: O[] = []
  for (const item of items) {
    const yielded = answers.length > 0 ? slice.yieldIfDue() : undefined
    if (yielded !== undefined) {
      await yielded
      if (slice.isOver()) break
    }
    answers.push(await work(item))
  }
  return answers
}

/**
 * Runs the work over items. Items with the same key run one after the other, in order. Once
 * `isOver`, no item after the last one begun is started any more (at least one always runs): so the answers are those
 * of the first items. After a failure nothing new begins, and it rejects when everything that runs has ended.
 */
export function inKeyOrder<I, O>(items: readonly I[], ordered: OrderedWork<I, O>): Promise<O[]> {
  return ordered.width === 1 ? oneByOne(items, ordered) : new SideBySide(items, ordered).run()
}

class SideBySide<I, O> {
  readonly #items: readonly I[]
  readonly #width: number
  readonly #work: (item: I) => Promise<O>
  readonly #slice: TimeSlice
  readonly #answers: O[] = []
  readonly #done: Set<number> = new Set()
  /** Of each key none of whose items is running, the first item that hasn't begun. */
  readonly #ready: SmallestFirst = new SmallestFirst()
  /** By item, the next one with its key. */
  readonly #following: Map<number, number> = new Map()
  #running = 0
  #firstOpen = 0
  /** Index after the last item that has begun. */
  #end = 0
  #isYielding = false
  #failure: { readonly error: unknown } | undefined

  constructor(items: readonly I[], { width, keyOf, work, slice }: OrderedWork<I, O>) {
    this.#items = items
    this.#width = width
    this.#work = work
    this.#slice = slice
    const last = new Map<string, number>()
    for (const [index, item] of items.entries()) {
      const key = keyOf(item)
      const before = last.get(key)
      if (before === undefined) this.#ready.add(index)
      else this.#following.set(before, index)
      last.set(key, index)
    }
  }

  async run(): Promise<O[]> {
    await new Promise<void>((resolve, reject) => this.#advance(resolve, reject))
    if (this.#failure !== undefined) throw this.#failure.error
    return this.#answers
  }

  /** Begins what may run now. `resolve` is called once nothing runs any more and nothing may begin. */
  #advance(resolve: () => void, reject: (error: unknown) => void): void {
    const advance = () => this.#advance(resolve, reject)
    while (this.#running < this.#width && !this.#isYielding) {
      const index = this.#next()
      if (index === undefined) break
      const yielded = this.#end > 0 ? this.#slice.yieldIfDue() : undefined
      if (yielded === undefined) this.#runOne(index).then(advance, reject)
      else {
        this.#isYielding = true
        // After the wait it is asked anew which item may run, if any.
        yielded.then(() => {
          this.#isYielding = false
          advance()
        }, reject)
      }
    }
    if (this.#running === 0 && !this.#isYielding) resolve()
  }

  #next(): number | undefined {
    if (this.#failure !== undefined) return undefined
    const limit = this.#slice.isOver() ? Math.max(this.#end, 1) : this.#firstOpen + AHEAD_PER_WIDTH * this.#width
    const index = this.#ready.first
    return index !== undefined && index < limit ? index : undefined
  }

  /** `index`: the first that is ready. */
  async #runOne(index: number): Promise<void> {
    this.#ready.take()
    this.#running++
    this.#end = Math.max(this.#end, index + 1)
    try {
      this.#answers[index] = await this.#work(this.#items[index] as I)
      this.#done.add(index)
      while (this.#done.has(this.#firstOpen)) this.#firstOpen++
    } catch (error) {
      this.#failure ??= { error }
    }
    this.#running--
    const following = this.#following.get(index)
    if (following !== undefined) this.#ready.add(following)
  }
}
