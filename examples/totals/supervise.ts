import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PATIENT } from './totals.ts'

export interface Message {
  readonly filled?: number
  readonly role?: 'holder' | 'attached'
  readonly taken?: { readonly partition: number; readonly baseOffset: number; readonly nextOffset: number }
  readonly looks?: number
  readonly copied?: number
  readonly torn?: string
}

/**
 * Runs a program of this folder, which reads TypeScript as this one does; `heard` gets what it sends. Resolves with its
 * exit code, `undefined` after a kill.
 */
export function run(
  program: string,
  args: readonly string[],
  heard: (message: Message, child: ChildProcess) => void,
  started: (child: ChildProcess) => void = () => {},
): Promise<number | undefined> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  started(child)
  return new Promise((resolve, reject) => {
    child.on('message', (message) => heard(message as Message, child))
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? undefined))
  })
}

export interface KillPlan {
  /** SIGKILLs at the least, some of them of the process that holds the log. */
  readonly killsMin: number
  /** All rows are copied. */
  readonly rows: number
  /**
   * The field whose values say which rows are one transaction, and how many those are: the kills spread over half of
   * them.
   */
  readonly natural: { readonly field: string; readonly transactions: number } | undefined
  progress(copied: number): void
}

export interface Supervised {
  readonly kills: number
  readonly holderKills: number
  readonly redelivered: number
  readonly looks: number
}

type Program = 'work.ts' | 'watch.ts'

const WORKERS = 3
/**
 * With fewer transactions than these for a kill the input would run out first: each is held open then, and its worker
 * killed, until there were enough.
 */
const TRANSACTIONS_PER_KILL = 10
/** Of the random sizes' mean. */
const ROWS_PER_TRANSACTION = 60
const HOLDER_KILLS_MIN = 3

/** Messages of a process before its kill, at most, where the number of transactions isn't known. */
const MESSAGES_MAX = { 'work.ts': 4, 'watch.ts': 40 } as const
/**
 * Looks of the reader before its kill, at most, where it is: it may come to hold the log, and is to be killed as the
 * holder, too.
 */
const LOOKS_MAX = 160

/** Several workers and a reader at once; each is killed at a random instant of its life, until enough were. */
export class Supervision {
  readonly #directory: string
  readonly #plan: KillPlan
  readonly #taken = new Map<number, number>()
  readonly #children = new Map<ChildProcess, { readonly program: string; readonly role: Message['role'] }>()
  #kills = 0
  #holderKills = 0
  #redelivered = 0
  #looks = 0
  #copied = 0
  #names = 0
  #failure: Error | undefined

  constructor(directory: string, plan: KillPlan) {
    this.#directory = directory
    this.#plan = plan
  }

  async run(): Promise<Supervised> {
    const workers = Array.from({ length: WORKERS }, () => this.#keepRunning('work.ts'))
    await Promise.all([...workers, this.#keepRunning('watch.ts')])
    if (this.#failure !== undefined) throw this.#failure
    return {
      kills: this.#kills,
      holderKills: this.#holderKills,
      redelivered: this.#redelivered,
      looks: this.#looks,
    }
  }

  get #isEnough(): boolean {
    const { killsMin } = this.#plan
    const isOften = this.#kills >= killsMin && this.#holderKills >= Math.min(killsMin, HOLDER_KILLS_MIN)
    return isOften && this.#redelivered > 0
  }

  get #isOver(): boolean {
    return this.#failure !== undefined || this.#copied >= this.#plan.rows
  }

  /** One process after the other in its place. */
  async #keepRunning(program: Program): Promise<void> {
    const messagesMax = this.#messagesMax(program)
    while (!this.#isOver) {
      // By chance, so that over many runs a kill falls on every step: after so many messages, and a little later.
      let left = 1 + Math.floor(Math.random() * messagesMax)
      let timer: NodeJS.Timeout | undefined
      let running: ChildProcess | undefined
      const heard = (message: Message, child: ChildProcess): void => {
        this.#heard(program, message, child)
        if (program === 'work.ts' ? this.#isEnough : this.#isOver) child.send('hurry')
        if (this.#isOver) this.#endWorkers()
        else if (!this.#isEnough && --left <= 0) timer ??= setTimeout(() => this.#kill(child), Math.random() * 12)
      }
      const field = this.#plan.natural?.field ?? ''
      const words = [this.#directory, `worker-${this.#names++}`, field, this.#isPatient ? PATIENT : '']
      const code = await run(program, words, heard, (child) => {
        running = child
        this.#children.set(child, { program, role: undefined })
      })
      clearTimeout(timer)
      if (running !== undefined) this.#children.delete(running)
      if (code !== undefined && code !== 0) this.#fail(new Error(`${program} ended with exit code ${code}`))
    }
  }

  get #isPatient(): boolean {
    const { rows, natural, killsMin } = this.#plan
    return (natural?.transactions ?? rows / ROWS_PER_TRANSACTION) < TRANSACTIONS_PER_KILL * killsMin
  }

  #messagesMax(program: Program): number {
    const { natural, killsMin } = this.#plan
    if (this.#isPatient) return program === 'work.ts' ? 1 : MESSAGES_MAX[program]
    if (natural === undefined) return MESSAGES_MAX[program]
    return program === 'watch.ts' ? LOOKS_MAX : Math.max(MESSAGES_MAX[program], natural.transactions / killsMin)
  }

  /** They wait for more rows, and there are none. */
  #endWorkers(): void {
    for (const [child, { program }] of this.#children) if (program === 'work.ts') child.kill()
  }

  #heard(program: Program, { role, taken, looks, copied, torn }: Message, child: ChildProcess): void {
    if (role !== undefined) this.#children.set(child, { program, role })
    if (taken !== undefined) {
      const { partition, baseOffset, nextOffset } = taken
      const before = this.#taken.get(partition) ?? 0
      this.#redelivered += Math.max(0, Math.min(before, nextOffset) - baseOffset)
      this.#taken.set(partition, Math.max(before, nextOffset))
    }
    if (looks !== undefined) this.#looks++
    if (copied !== undefined && copied > this.#copied) {
      this.#copied = copied
      this.#plan.progress(copied)
    }
    if (torn !== undefined) this.#fail(new Error(`transaction ${torn} was seen in part`))
  }

  #kill(child: ChildProcess): void {
    if (!child.kill('SIGKILL')) return
    this.#kills++
    if (this.#children.get(child)?.role === 'holder') this.#holderKills++
    this.#children.delete(child)
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const child of this.#children.keys()) child.kill('SIGKILL')
  }
}
