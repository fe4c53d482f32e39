import { writeSync } from 'node:fs'

/** Counts what a program does, and ends it by SIGKILL before or after a step with a certain number. */
export class Steps {
  readonly #killAt: number
  #count = 0

  /** 0: never. */
  constructor(killAt: number) {
    this.#killAt = killAt
  }

  #step(name: string): void {
    if (++this.#count !== this.#killAt) return
    writeSync(1, `killed ${name}\n`)
    process.kill(process.pid, 'SIGKILL')
  }

  /**
   * The same object; a step lies before each call of its methods, after those that are awaited, and likewise for what
   * the named ones answer. Behind a call that answers at once nothing happens before the next one.
   */
  around<T extends object>(target: T, name: string, opening: readonly string[]): T {
    return new Proxy(target, {
      get: (_, property) => {
        const member = Reflect.get(target, property, target) as unknown
        const called = `${name}.${String(property)}`
        const opens = typeof property === 'string' && opening.includes(property)
        if (typeof member !== 'function') return opens ? this.around(member as object, called, opening) : member
        const answered = (result: unknown): unknown => (opens ? this.around(result as object, called, opening) : result)
        const after = (result: unknown): unknown => {
          this.#step(`after ${called}`)
          return answered(result)
        }
        return (...words: unknown[]): unknown => {
          this.#step(`before ${called}`)
          const result = (member as (...words: unknown[]) => unknown).apply(target, words)
          return result instanceof Promise ? result.then(after) : answered(result)
        }
      },
    })
  }
}
