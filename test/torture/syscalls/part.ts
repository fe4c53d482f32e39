import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { bundleProgram } from '../../damage/bundled.ts'
import { missingPrograms } from '../disk/programs.ts'
import { commandOf } from '../judge.ts'
import { LedgerReader } from '../ledger.ts'
import type { Limits } from '../limits.ts'
import type { Outcome, Part } from '../part.ts'
import { scratchDirectory } from '../undo.ts'
import { Verifier } from '../verifier.ts'
import { CALLS, type Point, pointsOf } from './trace.ts'

/** What happens at the point. `sticky`: from there on. */
interface Harm {
  readonly name: string
  /** As strace injects it. */
  readonly inject: string
  readonly isSticky: boolean
}

const KILL: Harm = { name: 'SIGKILL', inject: 'signal=SIGKILL', isSticky: false }
const ERRORS: readonly Harm[] = ['EIO', 'ENOSPC'].flatMap((errno) =>
  [false, true].map((isSticky) => ({ name: errno, inject: `error=${errno}`, isSticky })),
)
/** Errors of these are errors of the runtime itself, or of the notes that the scenario takes. */
const NOT_FAILING = ['write', 'openat']
const UNTRACED = '/dev/null'

class Runs {
  readonly #program: string
  readonly #part: string
  readonly counts = { harmed: 0, killed: 0, refused: 0, acknowledged: 0 }
  readonly failures: string[] = []

  constructor(program: string, part: string) {
    this.#program = program
    this.#part = part
  }

  /** Each call of a run that nothing happens to. */
  async points(): Promise<readonly Point[]> {
    const scratch = scratchDirectory('syscalls')
    const trace = join(scratch.path, 'trace')
    const { code, said } = await this.#run(scratch.path, trace, [])
    if (code !== 0) throw new Error(`strace of a whole run ended with ${code}: ${said}`)
    const points = pointsOf(trace, join(scratch.path, 'log'))
    scratch.now()
    return points
  }

  /** Two lives: the second one begins where the harm left the first, and ends by the same harm. */
  async harm(point: Point, harm: Harm): Promise<void> {
    const scratch = scratchDirectory('syscalls')
    const verifier = new Verifier(['process', 'power', 'seen'])
    const words = ['-e', `inject=${point.call}:${harm.inject}:when=${point.number}${harm.isSticky ? '+' : ''}`]
    for (const life of ['a', 'b']) {
      verifier.started(life)
      const { code, signal, said } = await this.#run(scratch.path, UNTRACED, words, life)
      if (signal === 'SIGKILL') this.counts.killed++
      else if (code !== 0) verifier.violations.push(`life ${life} ended with ${code ?? signal}: ${said}`)
      this.#take(join(scratch.path, life), verifier)
    }
    this.counts.harmed++
    await verifier
      .checkAll(join(scratch.path, 'log'))
      .catch((error: unknown) => verifier.violations.push(String(error)))
    this.counts.acknowledged += verifier.counts.acknowledged
    if (verifier.violations.length === 0) return scratch.now()
    scratch.never()
    const at = placeOf(point, harm)
    const said = `${at}, the directory is kept: ${scratch.path}\n${verifier.violations.join('\n')}`
    this.failures.push(`${said}\n  ${commandOf(this.#part, 1)} --at ${at}`)
  }

  #take(ledger: string, verifier: Verifier): void {
    const reader = new LedgerReader(ledger)
    for (const told of reader.take()) {
      if ('refused' in told) this.counts.refused++
      verifier.take(told)
    }
    reader.close()
  }

  async #run(scratch: string, trace: string, words: readonly string[], life = 'a') {
    const program = [process.execPath, '--no-warnings', this.#program, join(scratch, 'log'), join(scratch, life), life]
    // Not with --seccomp-bpf: strace 6.1 then leaves injections out.
    const traced = ['-f', '-o', trace, '-e', `trace=${CALLS.join(',')}`, ...words]
    // One thread of the pool, so that what it calls comes in the same order each time.
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }
    const child = spawn('strace', [...traced, ...program], { stdio: ['ignore', 'ignore', 'pipe'], env })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return { code, signal, said }
  }
}

/** `pwrite64:17:EIO`, `pwrite64:17:EIO+` from there on. */
function placeOf({ call, number }: Point, { name, isSticky }: Harm): string {
  return `${call}:${number}:${name}${isSticky ? '+' : ''}`
}

function shuffled<T>(all: readonly T[], random: Random): T[] {
  const left = [...all]
  const drawn: T[] = []
  while (left.length > 0) drawn.push(...left.splice(random.below(left.length), 1))
  return drawn
}

function syscallPart(name: string, what: string, harmsOf: (point: Point) => readonly Harm[]): Part {
  return {
    name,
    weight: 2,
    missing: () => (process.platform === 'linux' ? missingPrograms({ strace: 'strace' }) : 'needs strace on Linux'),
    async run(limits: Limits): Promise<Outcome> {
      const program = join(scratchDirectory('scenario').path, 'scenario.mjs')
      await bundleProgram('test/torture/syscalls/scenario.ts', program)
      const runs = new Runs(program, name)
      const points = await runs.points()
      const all = shuffled(
        points.flatMap((point) => harmsOf(point).map((harm) => ({ point, harm }))),
        new Random(limits.seed),
      ).filter(({ point, harm }) => limits.at === undefined || placeOf(point, harm) === limits.at)
      for (const { point, harm } of all) {
        const { harmed } = runs.counts
        if (runs.failures.length > 0 || harmed >= limits.cyclesMax || performance.now() > limits.endMs) break
        await runs.harm(point, harm)
        limits.progress(harmed + 1, `of ${all.length} points`)
      }
      const { harmed, killed, refused, acknowledged } = runs.counts
      const ends =
        name === 'syscalls'
          ? { what: 'lives that ended there', count: killed }
          : { what: 'calls refused', count: refused }
      return {
        rows: [{ what, count: harmed, goal: all.length }, ends, { what: 'acknowledged', count: acknowledged }],
        failures: runs.failures,
      }
    },
  }
}

export const syscallKills: Part = syscallPart('syscalls', 'system calls that were the last', () => [KILL])
export const syscallErrors: Part = syscallPart('syscall-errors', 'system calls that failed', ({ call }) =>
  NOT_FAILING.includes(call) ? [] : ERRORS,
)
