import { openSync, readSync, writeSync } from 'node:fs'
import type { AimAt, VictimSpec } from './spec.ts'
import { type OperationKind, type Phase, type Step, StepNames } from './steps.ts'

const MARK_BYTES = 256

/** Nothing goes on in this thread any more. */
function stop(): never {
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/**
 * Knows at each operation of the storage what the log is at, says so in a file that outlives the process, and ends it
 * where it was told to.
 */
export class Aim {
  #aim: AimAt | undefined
  readonly #atAim: 'kill' | 'wait'
  readonly #mark: number
  readonly #phases = new Set<Phase>()
  readonly #names = new StepNames(this.#phases)
  #left: number
  #role = 'none'
  #isCompacting = false
  /** What opening the log comes to. */
  readonly openingPhase: 'opening' | 'recovery'

  constructor({ mark, aim, atAim, isClean }: VictimSpec) {
    this.#mark = openSync(mark, 'w')
    this.#aim = aim
    this.#atAim = atAim
    this.#left = aim?.skip ?? 0
    this.openingPhase = isClean ? 'opening' : 'recovery'
  }

  began(phase: Phase): void {
    this.#phases.add(phase)
    this.#write(this.#now)
  }

  ended(phase: Phase): void {
    this.#phases.delete(phase)
    this.#write(this.#now)
  }

  set role(role: 'holder' | 'attached') {
    this.#role = role
    this.#write(this.#now)
  }

  /** What a kill from outside meets. */
  get #now(): Step {
    for (const phase of ['recovery', 'opening'] as const) if (this.#phases.has(phase)) return phase
    if (this.#isCompacting) return 'compaction'
    for (const phase of ['checkpoint', 'close'] as const) if (this.#phases.has(phase)) return phase
    return 'elsewhere'
  }

  /** Does it, or a part of it, and ends. */
  operation<T>(kind: OperationKind, path: string, run: () => T, tear: () => void = () => {}): T {
    const step = this.#names.of(kind, path)
    if (step === 'compaction') this.#compacting(kind, path)
    if (this.#aim?.step !== step || this.#left-- > 0) return run()
    const { moment } = this.#aim
    this.#aim = undefined
    const here = (): void => this.#here(step, `${moment} ${kind} of ${path}`)
    if (moment === 'torn') tear()
    if (moment === 'torn' || moment === 'before') {
      here()
      return run()
    }
    const result = run()
    if (moment === 'after' && result instanceof Promise) return result.finally(here) as T
    here()
    return result
  }

  #compacting(kind: OperationKind, path: string): void {
    const isCompacting = path.endsWith('.cleaned') ? kind !== 'remove' : kind === 'open' || kind === 'create'
    if (isCompacting === this.#isCompacting) return
    this.#isCompacting = isCompacting
    this.#write(this.#now)
  }

  /** It goes on only if it was asked to wait, and is told to go. */
  #here(step: Step, place: string): void {
    this.#write(step, place)
    if (this.#atAim === 'wait') {
      writeSync(1, 'here\n')
      if (readSync(0, new Uint8Array(1)) > 0) return
    }
    process.kill(process.pid, 'SIGKILL')
    stop()
  }

  /** In one call and always as long: whoever reads it finds it whole. */
  #write(step: Step, place = ''): void {
    writeSync(this.#mark, JSON.stringify({ role: this.#role, step, place }).padEnd(MARK_BYTES), 0)
  }
}
