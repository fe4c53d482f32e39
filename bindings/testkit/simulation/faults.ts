import type { OperationKind } from './operation-kind.ts'

export type FaultableKind = OperationKind | 'open' | 'read'

/**
 * What goes wrong:
 * - `error`: nothing is done, the caller is told (EIO); `full`: the same, because there is no room (ENOSPC);
 * - `short`: half of a write is done and counted; `lying`: nothing is done and all is counted, a flush says it is done;
 * - `misdirected`: a write lands a sector further; `zeroed`: it writes zeros;
 * - `flipped`: a read shows one bit wrong, the disk is as it was;
 * - `drops-shows-new`, `drops-shows-old`: a flush fails, the next one has nothing to do, and reads show the new content,
 *   or what is on the disk.
 */
export type FaultEffect =
  | 'error'
  | 'full'
  | 'short'
  | 'lying'
  | 'misdirected'
  | 'zeroed'
  | 'flipped'
  | 'drops-shows-new'
  | 'drops-shows-old'

export interface Fault {
  readonly kind: FaultableKind
  readonly effect: FaultEffect
  /** The n-th operation of this kind (on this path), from 1. */
  readonly at: number
  /** Draws which part of it a failed flush has written; nothing without it. */
  readonly partBy?: number | undefined
  /** From then on, not only once. */
  readonly isSticky?: boolean | undefined
  /** Only operations on paths that hold this text count. */
  readonly path?: string | undefined
}

/** Faults planned for one disk. A disk that is full from some number of bytes on: see VirtualDisk.freeBytes. */
export class DiskFaults {
  readonly #planned: readonly Fault[]
  readonly #counts: number[]
  /** How often a fault struck: a plan that never did proves nothing. */
  struck = 0
  /** A flush lost what was written, though no power failed. */
  hasDropped = false

  constructor(planned: readonly Fault[]) {
    this.#planned = planned
    this.#counts = planned.map(() => 0)
  }

  /** Counts an operation for the faults of this effect, and returns the one that strikes. */
  strike(kind: FaultableKind, path: string, effect: FaultEffect): Fault | undefined {
    let striking: Fault | undefined
    for (const [index, fault] of this.#planned.entries()) {
      if (fault.kind !== kind || fault.effect !== effect || !path.includes(fault.path ?? '')) continue
      const count = (this.#counts[index] ?? 0) + 1
      this.#counts[index] = count
      if (count === fault.at || (fault.isSticky === true && count > fault.at)) striking = fault
    }
    if (striking !== undefined) this.struck++
    if (striking?.effect.startsWith('drops')) this.hasDropped = true
    return striking
  }
}
