import type { Damage } from '../../storage/recovery-report.ts'
import type { SetAside } from './set-aside.ts'

/**
 * What attempts at one open did and found before the disk was full. The next one has more room, and doesn't find again
 * what they cut or renamed.
 */
export class EarlierAttempts {
  /** The first one's: the others go on with it. */
  setAside: SetAside | undefined
  #damage: readonly Damage[] = []

  /** What this attempt found, and what only earlier ones did. */
  damageWith(found: readonly Damage[]): readonly Damage[] {
    const isFound = (earlier: Damage) => found.some((each) => isSame(each, earlier))
    return [...found, ...this.#damage.filter((earlier) => !isFound(earlier))]
  }

  failed(found: readonly Damage[]): void {
    this.#damage = this.damageWith(found)
  }
}

function isSame(a: Damage, b: Damage): boolean {
  return a.file === b.file && a.position === b.position && a.code === b.code
}
