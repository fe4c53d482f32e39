import type { VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'

/**
 * Crashed disks that nothing tells from one that was judged by the same knowledge needn't be judged again: they count
 * as judged.
 */
export class JudgedImages {
  readonly #seen = new Set<string>()
  #images = 0
  #duplicates = 0

  /** `known`: by `knowledge`. */
  isNew(image: VirtualStorage, known: string): boolean {
    this.#images++
    const state = `${image.digest()} ${known}`
    const isNew = !this.#seen.has(state)
    this.#seen.add(state)
    if (!isNew) this.#duplicates++
    return isNew
  }

  get images(): number {
    return this.#images
  }

  get duplicates(): number {
    return this.#duplicates
  }
}

/** The same for two states in which the same is known; of what hides its fields nothing. */
export function knowledge(known: unknown): string {
  return JSON.stringify(known, (_, value: unknown) =>
    value instanceof Map || value instanceof Set ? [...value] : value,
  )
}
