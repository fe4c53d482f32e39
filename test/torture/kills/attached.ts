import { join } from 'node:path'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { commandOf, Judge } from '../judge.ts'
import type { Limits } from '../limits.ts'
import type { Report } from '../report.ts'
import { sleep } from '../sleep.ts'
import { scratchDirectory } from '../undo.ts'
import { Verifier } from '../verifier.ts'
import { drawAim, type Launcher, Victim } from '../victim/victim.ts'

/** Kills of one directory, and between two looks at it. */
const GENERATION = 90
const CHECK_EACH = 15
const AIMED_CHANCE = 0.85
/**
 * So much is acknowledged between two kills from outside, unless it takes too long: by then most holders have met their
 * aim.
 */
const ACKNOWLEDGED_MAX = 150
const PAUSE_MAX_MS = 3000
/** Of the kills from outside. */
const HOLDER_CHANCE = 0.5
const LOOK_AGAIN_MS = 20
const LOOKS = 50
const TAKEOVER_LOOK_MS = 2
const TAKEOVER_LIMIT_MS = 20_000

/**
 * Several processes on a directory: the holder, or another one, is killed, one that is attached takes over, a new one
 * comes. `launchers`: of each of those that run at once.
 */
export async function killAttached(
  part: string,
  launchers: readonly Launcher[],
  program: string,
  report: Report,
  limits: Limits,
): Promise<void> {
  for (let seed = limits.seed; report.goesOn(limits); seed++) {
    const scratch = scratchDirectory(part)
    const directory = join(scratch.path, 'log')
    const verifier = new Verifier(['process', 'power', 'seen'])
    const judge = new Judge(report, verifier, commandOf(part, seed), directory)
    const around = { launchers, program, scratch: scratch.path, directory, random: new Random(seed), report, judge }
    const crowd = new Crowd(around)
    const killsBefore = report.ends
    while (judge.isIntact && report.goesOn(limits) && report.ends < killsBefore + GENERATION) {
      const { acknowledged } = judge
      await crowd.live(Math.min(report.ends + CHECK_EACH, limits.cyclesMax), limits)
      if (judge.acknowledged === acknowledged) judge.fail(`nothing was acknowledged between ${CHECK_EACH} kills`)
      await judge.check()
    }
    await judge.checkAll()
    scratch.now()
  }
}

interface Around {
  readonly launchers: readonly Launcher[]
  readonly program: string
  readonly scratch: string
  readonly directory: string
  readonly random: Random
  readonly report: Report
  readonly judge: Judge
}

/** Those who have the directory open at the same time. */
class Crowd {
  readonly #around: Around
  readonly #alive = new Set<Victim>()
  #started = 0
  #isOver = false

  constructor(around: Around) {
    this.#around = around
  }

  /** Until so many have been killed; then all are. */
  async live(kills: number, limits: Limits): Promise<void> {
    this.#isOver = false
    const slots = this.#around.launchers.map((launcher, slot) => this.#keepRunning(slot, launcher))
    while (this.#around.judge.isIntact && this.#around.report.ends < kills && performance.now() < limits.endMs) {
      await this.#work()
      await this.#killOne()
      await this.#oneHolder()
      limits.progress(this.#around.report.ends, 'kills of attached ones')
    }
    this.#isOver = true
    for (const victim of this.#alive) victim.kill()
    await Promise.all(slots)
  }

  async #work(): Promise<void> {
    const enough = this.#hearAll() + this.#around.random.below(ACKNOWLEDGED_MAX)
    const endMs = performance.now() + PAUSE_MAX_MS
    while (this.#hearAll() < enough && performance.now() < endMs) await sleep(TAKEOVER_LOOK_MS)
  }

  async #keepRunning(slot: number, launcher: Launcher): Promise<void> {
    while (!this.#isOver && this.#around.judge.isIntact) {
      const { isClean } = this.#around.judge
      const aim = this.#around.random.chance(AIMED_CHANCE) ? drawAim(this.#around.random, isClean) : undefined
      const drawn = { name: `${slot}.${this.#started++}`, seed: this.#around.random.below(1_000_000), aim }
      const spec = { ...drawn, isClean, directory: this.#around.directory, slot, atAim: 'kill' as const }
      const victim = new Victim(this.#around.program, this.#around.scratch, spec, launcher)
      this.#around.judge.started(victim)
      this.#alive.add(victim)
      const ending = await victim.gone
      this.#alive.delete(victim)
      if (ending === 'killed') this.#around.report.ended(victim.mark.step)
      this.#around.judge.ended(victim, ending)
    }
  }

  get #holders(): readonly Victim[] {
    return [...this.#alive].filter(({ mark }) => mark.role === 'holder')
  }

  /** One that was killed just now may still seem to be there. */
  async #oneHolder(): Promise<void> {
    for (let look = 0; look < LOOKS && this.#holders.length > 1; look++) await sleep(LOOK_AGAIN_MS)
    if (this.#holders.length > 1) this.#around.judge.fail('two processes hold the directory at the same time')
  }

  /** A holder, mostly: then another one takes over, and what the others send is acknowledged again. */
  async #killOne(): Promise<void> {
    const { random, report, judge } = this.#around
    const all = [...this.#alive]
    const [holder] = this.#holders
    const victim = random.chance(HOLDER_CHANCE) ? holder : all[random.below(all.length)]
    const before = this.#hearAll()
    victim?.kill()
    if (victim === undefined || victim !== holder) return
    const killedMs = performance.now()
    while (this.#hearAll() === before && judge.isIntact) {
      await sleep(TAKEOVER_LOOK_MS)
      if (performance.now() - killedMs > TAKEOVER_LIMIT_MS) judge.fail('nobody took over from a holder that was killed')
    }
    report.tookOver(performance.now() - killedMs)
  }

  /** What all that live were acknowledged so far. */
  #hearAll(): number {
    for (const victim of this.#alive) this.#around.judge.hear(victim)
    return this.#around.judge.acknowledged
  }
}
