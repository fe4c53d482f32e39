import { LogError } from '../../../model/errors.ts'
import { DiskFaults, type Fault } from '../faults.ts'
import { VirtualDisk } from '../virtual-disk.ts'
import { useAfterCrash } from './after-crash.ts'
import type { Client } from './client.ts'
import type { Scenario } from './exploration.ts'

/** What goes wrong while a scenario runs, and how its process ends then. */
export interface DiskError {
  /** A fault of the disk, or the bytes or files after which it is full. */
  readonly fault: Fault | { readonly freeBytes: number } | { readonly freeFiles: number }
  /** `recovery`: the log dies first, by `kill`, and the fault strikes the opening after it. */
  readonly during: 'life' | 'recovery'
  readonly end: 'kill' | 'none' | 'mixed'
}

/** Faults that the disk doesn't report: no log can keep what they lose, but it must not invent anything. */
const HIDDEN: readonly string[] = ['lying', 'misdirected', 'zeroed']

/** A scenario on a disk that fails, for the enumerator. `struck` says whether the fault occurred. */
export function withDiskError(scenario: Scenario, error: DiskError): { scenario: Scenario; struck: () => boolean } {
  let hasStruck = false
  const run = (client: Client): void => {
    const failing = new FailingRun(client, error)
    failing.run(scenario)
    hasStruck ||= failing.hasStruck
  }
  // Its sends may be refused: what they are refused with is judged here.
  return { scenario: { ...scenario, run, failsDisk: true }, struck: () => hasStruck }
}

function isHarmless(fault: DiskError['fault']): boolean {
  return 'kind' in fault && (fault.kind === 'open' || fault.kind === 'read')
}

class FailingRun {
  readonly #client: Client
  readonly #error: DiskError
  readonly #faults: DiskFaults
  readonly #codes: string[] = []
  hasStruck = false

  constructor(client: Client, error: DiskError) {
    this.#client = client
    this.#error = error
    this.#faults = new DiskFaults('kind' in error.fault ? [error.fault] : [])
  }

  get #isHidden(): boolean {
    const { fault } = this.#error
    return 'effect' in fault && HIDDEN.includes(fault.effect)
  }

  run(scenario: Scenario): void {
    const { during, end } = this.#error
    if (during === 'life') {
      this.#break()
      this.#tolerate(() => scenario.run(this.#client))
    } else {
      scenario.run(this.#client)
      this.#tolerate(() => this.#client.crash('kill', () => this.#break()))
    }
    if (this.#client.isOpen) this.#tolerate(() => this.#client.settle())
    this.#mend()
    if (this.#client.isOpen && this.hasStruck) this.#probe()
    if (this.#faults.hasDropped) this.#client.world.model.crashed('power')
    // A hidden fault may show at any time: it is only judged that all errors are typed.
    const { violations } = this.#client.world.model
    this.#tolerate(() => {
      this.#client.crash(end)
      useAfterCrash(this.#client)
    }, this.#isHidden)
    if (this.#isHidden) violations.splice(0)
  }

  /** A log that failed releases its directory when it is closed. */
  #close(): void {
    const client = this.#client
    this.#tolerate(() => client.handle.close())
    client.discard()
    client.world.storage.assertFree()
  }

  #break(): void {
    const { storage } = this.#client.world
    const { fault } = this.#error
    if ('kind' in fault) storage.faults = this.#faults
    else if ('freeBytes' in fault) storage.freeBytes = fault.freeBytes
    else if (storage instanceof VirtualDisk) storage.freeFiles = fault.freeFiles
  }

  #mend(): void {
    const { storage } = this.#client.world
    this.hasStruck = this.#faults.struck + storage.refusedWrites > 0
    storage.faults = undefined
    if (storage instanceof VirtualDisk) {
      this.hasStruck ||= storage.refusedFiles > 0
      storage.freeFiles = Number.POSITIVE_INFINITY
    }
    storage.freeBytes = Number.POSITIVE_INFINITY
  }

  /** Errors are allowed here as long as they are typed. */
  #tolerate(work: () => void, isTolerant = true): void {
    try {
      work()
    } catch (error) {
      if (!isTolerant || !LogError.is(error)) throw error
      this.#codes.push(error.code)
    }
  }

  /** docs/errors.md: a storage that failed to keep something ends the log; any other error leaves the log as it was. */
  #probe(): void {
    const client = this.#client
    const { model } = client.world
    const seen = [...this.#codes, ...client.ownRefusals]
    const pending = model.sends.filter(({ outcome }) => outcome === 'pending')
    if (pending.length > 0)
      model.violate('Answers', `${pending.length} sends were never answered; seen: ${seen.join()}`)
    const { fault } = this.#error
    if ('effect' in fault && fault.effect === 'short' && seen.length > 0) {
      model.violate('State', `a short write is no error, answered: ${seen.join()}`)
    }
    const before = this.#codes.length
    this.#tolerate(() => client.openProducer('probe'))
    const failed = this.#codes.slice(before)
    // What couldn't be opened or read may be tried again, unless it was needed for a frame.
    if (isHarmless(fault)) return
    const hasEnded = seen.includes('KAFKA_STORAGE_ERROR')
    if (hasEnded) this.#close()
    if (hasEnded && failed.length === 0) model.violate('State', 'KAFKA_STORAGE_ERROR, and the log serves on')
    // A checkpoint that failed after the last answer ends the log, too: the first call says so.
    if (!hasEnded && failed.length > 0 && !failed.includes('KAFKA_STORAGE_ERROR'))
      model.violate('State', `seen: ${seen.join()}; and then ${failed.join()}`)
  }
}
