import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import type { Judge } from '../judge.ts'
import { sleep } from '../sleep.ts'
import type { Step } from '../victim/steps.ts'
import { drawAim, Victim } from '../victim/victim.ts'

const AIMED_CHANCE = 0.6
const AIM_LIMIT_MS = 1500
const LIFE_MAX_MS = 300
const ATTACHED_CHANCE = 0.3
const ATTACHED = 2
/** How long they go on after the cut: whatever they are told to be durable then isn't. */
const LEFT_MS = 12

/** Who writes while the power goes: one process, or three of them attached to one another. */
export class Writers {
  readonly #program: string
  readonly #scratch: string
  readonly #directory: string
  readonly #random: Random
  readonly #judge: Judge
  #started = 0
  #lastStep: Step = 'elsewhere'

  constructor(program: string, scratch: string, directory: string, random: Random, judge: Judge) {
    this.#program = program
    this.#scratch = scratch
    this.#directory = directory
    this.#random = random
    this.#judge = judge
  }

  /** What the log was at when the power went. */
  get lastStep(): Step {
    return this.#lastStep
  }

  async liveUntilCut(cut: () => Promise<void>): Promise<void> {
    const isAimed = this.#random.chance(AIMED_CHANCE)
    const first = this.#start(0, isAimed)
    const victims = [first]
    if (this.#random.chance(ATTACHED_CHANCE))
      for (let slot = 1; slot <= ATTACHED; slot++) victims.push(this.#start(slot, false))
    await Promise.race([first.opened, first.waits])
    const limit = sleep(isAimed ? AIM_LIMIT_MS : this.#random.below(LIFE_MAX_MS))
    await Promise.race([limit, ...(isAimed ? [first.waits, first.gone] : [])])
    const { step } = victims.map(({ mark }) => mark).find(({ role }) => role === 'holder') ?? first.mark
    this.#lastStep = step
    const cutting = cut()
    if (this.#random.chance(0.5)) first.releaseFromAim()
    await cutting
    await sleep(this.#random.below(LEFT_MS))
    for (const victim of victims) victim.kill()
    for (const victim of victims) this.#judge.ended(victim, await victim.gone)
  }

  #start(slot: number, isAimed: boolean): Victim {
    const victim = new Victim(this.#program, this.#scratch, {
      directory: this.#directory,
      name: `${slot}.${this.#started++}`,
      slot,
      seed: this.#random.below(1_000_000),
      isClean: this.#judge.isClean,
      aim: isAimed ? drawAim(this.#random, this.#judge.isClean) : undefined,
      atAim: 'wait',
    })
    this.#judge.started(victim)
    return victim
  }
}
