import { cpSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Report } from './report.ts'
import type { Verifier } from './verifier.ts'
import type { Ending, Victim } from './victim/victim.ts'

/** Collects what the processes of one directory were told, and has the log held against it. */
export class Judge {
  readonly #report: Report
  readonly #verifier: Verifier
  readonly #command: string
  readonly #directory: string
  readonly #over = new WeakSet<Victim>()
  #isIntact = true
  #isClean = true

  /** `command` repeats it. */
  constructor(report: Report, verifier: Verifier, command: string, directory: string) {
    this.#report = report
    this.#verifier = verifier
    this.#command = command
    this.#directory = directory
  }

  /** Nobody has to recover it now. */
  get isClean(): boolean {
    return this.#isClean
  }

  /** How often something was acknowledged, as far as it was heard. */
  get acknowledged(): number {
    return this.#verifier.counts.acknowledged
  }

  get isIntact(): boolean {
    return this.#isIntact
  }

  started(victim: Victim): void {
    this.#verifier.started(victim.spec.name)
  }

  /** What it told since the last time. True if its log has ended by an error. */
  hear(victim: Victim): boolean {
    for (const told of victim.told()) {
      if ('refused' in told) this.#report.refused(told.refused)
      if ('freed' in told) this.#report.refused('topics deleted for want of room')
      if ('ended' in told) {
        this.#report.refused(`${told.ended} (final)`)
        this.#over.add(victim)
      }
      this.#verifier.take(told)
    }
    return this.#over.has(victim)
  }

  ended(victim: Victim, ending: Ending): void {
    this.hear(victim)
    this.#isClean = ending === 'closed'
    victim.forget()
    if (ending === 'failed') this.fail(`victim ${victim.spec.name} ended by itself: ${victim.said}`)
  }

  async check(): Promise<void> {
    await this.#verify(() => this.#verifier.check(this.#directory))
  }

  /** From the first record on, and counts what was told. */
  async checkAll(): Promise<void> {
    await this.#verify(() => this.#verifier.checkAll(this.#directory))
    this.#report.count(this.#verifier.counts)
  }

  async #verify(check: () => Promise<void>): Promise<void> {
    if (!this.#isIntact) return
    await check().catch((error: unknown) => this.#verifier.violations.push(String(error)))
    this.#isClean = true
    if (this.#verifier.violations.length > 0) this.fail(this.#verifier.violations.join('\n'))
  }

  fail(why: string): void {
    this.#isIntact = false
    const kept = mkdtempSync(join(tmpdir(), 'oncelog-torture-kept-'))
    // Its socket can't be copied.
    cpSync(this.#directory, kept, { recursive: true, filter: (path) => !path.endsWith('.attach') })
    this.#report.failures.push(`${why}\n  the log is kept: ${kept}\n  ${this.#command}`)
  }
}

export function commandOf(part: string, seed: number): string {
  return `npm run torture -- --only ${part} --seed ${seed}`
}
