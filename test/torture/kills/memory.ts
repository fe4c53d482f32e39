import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { commandOf, Judge } from '../judge.ts'
import type { Part } from '../part.ts'
import { Report } from '../report.ts'
import { scratchDirectory, undoAtExit } from '../undo.ts'
import { Verifier } from '../verifier.ts'
import { Victim } from '../victim/victim.ts'
import { victimProgram } from './program.ts'

const MIB = 1024 * 1024
/** What the process has for itself: twenty when it starts. The pages of its program are shared with others. */
const LIMITS_MIB = [18, 22, 26]
const GENERATION = 30
const CHECK_EACH = 5
const LIFE_MAX_MS = 1500

/** Where control groups of memory are made: of the first version of the interface, or of the second. */
const PLACES = [
  { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', kills: 'memory.oom_control' },
  { root: '/sys/fs/cgroup', limit: 'memory.max', kills: 'memory.events' },
] as const

function groupPlace(): (typeof PLACES)[number] | undefined {
  const place = PLACES.find(
    ({ root, kills }) => existsSync(join(root, kills)) || existsSync(join(root, 'cgroup.controllers')),
  )
  if (place === undefined) return undefined
  const probe = join(place.root, `oncelog-probe-${process.pid}`)
  try {
    mkdirSync(probe)
    writeFileSync(join(probe, place.limit), `${64 * MIB}`)
    return place
  } catch {
    return undefined
  } finally {
    if (existsSync(probe)) rmdirSync(probe)
  }
}

/** A control group that ends its processes when they take too much. */
class MemoryGroup {
  readonly #path: string
  readonly #kills: string
  readonly remove: () => void

  constructor(limitMib: number) {
    const place = groupPlace()
    if (place === undefined) throw new Error('there is no control group of memory')
    this.#path = join(place.root, `oncelog-${process.pid}-${limitMib}`)
    this.#kills = join(this.#path, place.kills)
    mkdirSync(this.#path)
    this.remove = undoAtExit(() => rmdirSync(this.#path)).now
    writeFileSync(join(this.#path, place.limit), `${limitMib * MIB}`)
  }

  get launcher(): readonly string[] {
    return ['sh', '-c', `echo $$ > ${this.#path}/cgroup.procs && exec "$@"`, 'sh']
  }

  /** So many that took too much. */
  get kills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(this.#kills, 'utf8'))?.[1] ?? 0)
  }
}

/** The operating system ends a process for want of memory, whatever it is at. */
export const memory: Part = {
  name: 'memory',
  weight: 1,
  missing: () =>
    groupPlace() === undefined
      ? 'needs root and control groups of memory (CONFIG_MEMCG, mounted at /sys/fs/cgroup)'
      : undefined,
  async run(limits) {
    const report = new Report()
    const program = await victimProgram()
    const groups = LIMITS_MIB.map((limitMib) => new MemoryGroup(limitMib))
    for (let seed = limits.seed; report.goesOn(limits); seed++) {
      const scratch = scratchDirectory('memory')
      const random = new Random(seed)
      const directory = join(scratch.path, 'log')
      const verifier = new Verifier(['process', 'power', 'seen'])
      const judge = new Judge(report, verifier, commandOf('memory', seed), directory)
      for (let cycle = 1; cycle <= GENERATION && judge.isIntact && report.goesOn(limits); cycle++) {
        const group = groups[random.below(groups.length)] as MemoryGroup
        const drawn = { name: `${cycle}`, seed: random.below(1_000_000), isClean: judge.isClean }
        const spec = { ...drawn, directory, slot: 0, atAim: 'kill' as const }
        const victim = new Victim(program, scratch.path, spec, group.launcher)
        judge.started(victim)
        const timer = setTimeout(() => victim.kill(), LIFE_MAX_MS)
        const ending = await victim.gone
        clearTimeout(timer)
        report.ended(victim.mark.step)
        judge.ended(victim, ending)
        limits.progress(report.ends, 'lives with little memory')
        if (cycle % CHECK_EACH === 0) await judge.check()
      }
      await judge.checkAll()
      scratch.now()
    }
    const killed = groups.reduce((sum, group) => sum + group.kills, 0)
    for (const group of groups) group.remove()
    const { rows, failures } = report.outcome('lives with little memory', 100, false)
    return { rows: [...rows, { what: 'ended for want of it', count: killed }], failures }
  },
}
