import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import type { Judge } from '../judge.ts'
import type { Report } from '../report.ts'
import { sleep } from '../sleep.ts'
import { drawAim, Victim } from '../victim/victim.ts'

/** Half of them in a checkpoint: it is what must end on a full disk. */
const STEPS = [
  'checkpoint',
  'checkpoint',
  'checkpoint',
  'roll',
  'ring switch',
  'compaction',
  'recovery',
  'frame',
] as const
const AIM_LIMIT_MS = 1500
/** So long it goes on with what fails. */
const HARMED_MS = 400
const GOES_ON_LIMIT_MS = 5000
const LOOK_EACH_MS = 20

/** What one of them meets. */
export interface Harms {
  harm(): void | Promise<void>
  /** Without it the harm is there to the end. Behind it the log goes on, unless the harm ended it. */
  readonly heal?: (() => void) | undefined
  readonly ballastBytes?: number
}

/** Processes that meet a failure at a step of their log's work, one after the other. */
export class FailingLives {
  readonly #program: string
  readonly #scratch: string
  readonly #directory: string
  readonly #random: Random
  readonly #report: Report
  readonly #judge: Judge
  #started = 0

  constructor(
    program: string,
    scratch: string,
    directory: string,
    random: Random,
    { report, judge }: { readonly report: Report; readonly judge: Judge },
  ) {
    this.#program = program
    this.#scratch = scratch
    this.#directory = directory
    this.#random = random
    this.#report = report
    this.#judge = judge
  }

  async liveWith({ harm, heal, ballastBytes }: Harms): Promise<void> {
    const victim = new Victim(this.#program, this.#scratch, {
      directory: this.#directory,
      name: `${this.#started++}`,
      slot: 0,
      seed: this.#random.below(1_000_000),
      isClean: this.#judge.isClean,
      aim: drawAim(this.#random, this.#judge.isClean, STEPS),
      atAim: 'wait',
      ballastBytes,
    })
    this.#judge.started(victim)
    await Promise.race([victim.opened, victim.waits])
    await Promise.race([victim.waits, sleep(AIM_LIMIT_MS)])
    this.#report.ended(victim.mark.step)
    await harm()
    victim.releaseFromAim()
    await sleep(this.#random.below(HARMED_MS))
    if (heal !== undefined) {
      heal()
      await this.#goesOn(victim)
    }
    victim.kill()
    this.#judge.ended(victim, await victim.gone)
  }

  async #goesOn(victim: Victim): Promise<void> {
    this.#judge.hear(victim)
    const before = this.#judge.acknowledged
    for (let waitedMs = 0; waitedMs < GOES_ON_LIMIT_MS; waitedMs += LOOK_EACH_MS) {
      await sleep(LOOK_EACH_MS)
      if (this.#judge.hear(victim) || this.#judge.acknowledged > before) return
    }
    this.#judge.fail('nothing fails any more, and nothing is acknowledged')
  }
}
