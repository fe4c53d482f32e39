import { join } from 'node:path'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { commandOf, Judge } from '../judge.ts'
import type { Limits } from '../limits.ts'
import type { Report } from '../report.ts'
import { scratchDirectory } from '../undo.ts'
import { Verifier } from '../verifier.ts'
import { drawAim, Victim } from '../victim/victim.ts'

/** Kills of one directory, after which another one begins. */
const GENERATION = 100
const CHECK_EACH = 10
/** A step that doesn't come in an open log is waited for so long. */
const AIM_LIMIT_MS = 900
/** Of those that nothing is aimed at: killed while they start and open. */
const EARLY_CHANCE = 0.3
const LIFE_MAX_MS = 250
const CLOSE_CHANCE = 0.1
const CLOSE_AFTER_MAX_MS = 100
const AIMED_CHANCE = 0.65
const JUMPING_CHANCE = 0.15

/** One process after the other on a directory, each killed: at an operation that it was told, or whenever it comes. */
export async function killAlone(program: string, report: Report, limits: Limits): Promise<void> {
  for (let seed = limits.seed; report.goesOn(limits); seed++) {
    const scratch = scratchDirectory('kills')
    const directory = join(scratch.path, 'log')
    const random = new Random(seed)
    const verifier = new Verifier(['process', 'power', 'seen'])
    const judge = new Judge(report, verifier, commandOf('kills', seed), directory)
    for (let cycle = 1; cycle <= GENERATION && judge.isIntact && report.goesOn(limits); cycle++) {
      const victim = start(program, scratch.path, directory, random, { cycle, isClean: judge.isClean })
      await live(victim, random, report, judge)
      limits.progress(report.ends, 'kills')
      if (cycle % CHECK_EACH === 0) await judge.check()
    }
    await judge.checkAll()
    scratch.now()
  }
}

function start(
  program: string,
  scratch: string,
  directory: string,
  random: Random,
  { cycle, isClean }: { readonly cycle: number; readonly isClean: boolean },
): Victim {
  const isJumping = random.chance(JUMPING_CHANCE)
  const drawn = { seed: random.below(1_000_000), isJumping, isClean }
  const spec = { ...drawn, directory, name: `${cycle}`, slot: 0, atAim: 'kill' as const }
  if (random.chance(CLOSE_CHANCE)) {
    const aim = drawAim(random, isClean, ['close', 'checkpoint'])
    return new Victim(program, scratch, { ...spec, aim, closeAfterMs: random.below(CLOSE_AFTER_MAX_MS) })
  }
  return new Victim(program, scratch, {
    ...spec,
    aim: random.chance(AIMED_CHANCE) ? drawAim(random, isClean) : undefined,
  })
}

async function live(victim: Victim, random: Random, report: Report, judge: Judge): Promise<void> {
  judge.started(victim)
  const isAimed = victim.spec.aim !== undefined
  const isEarly = !isAimed && random.chance(EARLY_CHANCE)
  const lifeMs = isAimed ? AIM_LIMIT_MS : random.below(LIFE_MAX_MS)
  if (!isEarly) await victim.opened
  const timer = setTimeout(() => victim.kill(), lifeMs)
  const ending = await victim.gone
  clearTimeout(timer)
  if (ending === 'killed') report.ended(victim.mark.step)
  judge.ended(victim, ending)
}
