import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import { LedgerReader, type Told } from '../ledger.ts'
import { undoAtExit } from '../undo.ts'
import { type AimAt, MOMENTS, type VictimSpec } from './spec.ts'
import { RARE_STEPS, type Step } from './steps.ts'

/** Where a process was when it ended, by its own word. */
export interface LastMark {
  readonly role: 'none' | 'holder' | 'attached'
  readonly step: Step
  /** Of the operation; '' where it was ended from outside. */
  readonly place: string
}

/**
 * In front of the program: what gives it less than others have, a namespace of its own. It has to become the program
 * (exec).
 */
export type Launcher = readonly string[]

export type Ending = 'killed' | 'closed' | 'failed'

/** A process that works on the log, and what it leaves behind. */
export class Victim {
  readonly spec: VictimSpec
  readonly gone: Promise<Ending>
  readonly #process: ChildProcess
  readonly #ledger: LedgerReader
  /** It has the log open, or is attached to it; or it ended before. */
  readonly opened: Promise<void>
  /** It is at its aim, and waits there. */
  readonly waits: Promise<void>
  #said = ''

  constructor(program: string, scratch: string, spec: Omit<VictimSpec, 'ledger' | 'mark'>, launcher: Launcher = []) {
    this.spec = { ...spec, ledger: join(scratch, `${spec.name}.told`), mark: join(scratch, `${spec.name}.mark`) }
    this.#ledger = new LedgerReader(this.spec.ledger)
    const [first = '', ...words] = [...launcher, process.execPath, '--no-warnings', program, JSON.stringify(this.spec)]
    this.#process = spawn(first, words, { stdio: ['pipe', 'pipe', 'pipe'] })
    // It may be gone before it reads.
    this.#process.stdin?.on('error', () => {})
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.#said += chunk.toString()))
    const orphan = undoAtExit(() => this.kill())
    this.#process.once('close', () => orphan.never())
    this.opened = this.#heard('opened')
    this.waits = this.#heard('here')
    this.gone = new Promise((resolve, reject) => {
      this.#process.once('error', reject)
      this.#process.once('close', (code, signal) =>
        resolve(signal === 'SIGKILL' ? 'killed' : code === 0 ? 'closed' : 'failed'),
      )
    })
  }

  #heard(word: string): Promise<void> {
    return new Promise((resolve) => {
      this.#process.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes(word)) resolve()
      })
      this.#process.once('close', () => resolve())
    })
  }

  /** What it said before it failed. */
  get said(): string {
    return this.#said
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** To one that waits at its aim. */
  releaseFromAim(): void {
    this.#process.stdin?.write('\n')
  }

  /** What it told since the last time. */
  told(): Iterable<Told> {
    return this.#ledger.take()
  }

  get mark(): LastMark {
    const none: LastMark = { role: 'none', step: 'elsewhere', place: '' }
    try {
      return JSON.parse(readFileSync(this.spec.mark, 'utf8')) as LastMark
    } catch {
      // It ended before it had a mark, or in the middle of writing one.
      return none
    }
  }

  forget(): void {
    this.#ledger.close()
  }
}

/** How far into each step an aim may lie: a life has some dozens of its operations. */
const SKIP_MAX: Readonly<Partial<Record<Step, number>>> = {
  recovery: 60,
  checkpoint: 24,
  roll: 6,
  'ring switch': 3,
  compaction: 8,
  frame: 40,
  close: 24,
}

/** `isClean`: a log that was closed has nothing to recover. */
export function drawAim(random: Random, isClean: boolean, steps: readonly Step[] = [...RARE_STEPS, 'frame']): AimAt {
  const possible = steps.filter((step) => !(isClean && step === 'recovery'))
  const step = possible[random.below(possible.length)] ?? 'frame'
  const skip = random.below(SKIP_MAX[step] ?? 10)
  return { step, skip, moment: MOMENTS[random.below(MOMENTS.length)] ?? 'before' }
}
