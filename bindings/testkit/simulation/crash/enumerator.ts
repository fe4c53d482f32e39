import type { ImageMode } from '../image.ts'
import { Random, TraceHash } from '../random.ts'
import { CrashSignal } from '../virtual-disk.ts'
import type { VirtualStorage } from '../virtual-rows.ts'
import { useAfterCrash } from './after-crash.ts'
import { Client, type World } from './client.ts'
import { CrashedModels } from './crashed-models.ts'
import type { Exploration, ExploreOptions, Failure, Scenario } from './exploration.ts'
import { Marks } from './marks.ts'
import { Model } from './model.ts'
import type { Loss } from './model-state.ts'
import type { SystemUnderTest } from './system-under-test.ts'

const FIXED_MODES: readonly ImageMode[] = ['none', 'all', 'kill', 'torn']
const KEPT_FAILURES = 40

/** Where one run stands: its level is the number of crashes behind it. */
interface Run {
  readonly path: string
  readonly modes: string
  readonly level: number
  readonly world: World
  /** Draws two numbers for each point in any case: so a point gets the same ones whatever else is explored. */
  readonly draw: Random
  point: number
}

/** Where a life begins: on a new disk, or on the image that a crash left. */
interface LifeStart extends Pick<Run, 'path' | 'modes' | 'level'> {
  readonly storage: VirtualStorage
  readonly model: Model
}

/**
 * Crashes a scenario before each of its operations, into each image, and goes on from there, crashing again. The run
 * itself is never disturbed: its storage and the model are copied at that instant, and what follows is judged on the
 * copies.
 */
export class Enumerator {
  readonly #system: SystemUnderTest
  readonly #scenario: Scenario
  readonly #options: ExploreOptions
  readonly #hash = new TraceHash()
  readonly #marks: Marks
  readonly #failures: Failure[] = []
  readonly #checked = new Map<string, number>()
  #points = 0
  #images = 0
  #nestedImages = 0
  #failedImages = 0
  #duplicates = 0
  #lookedAt = 0
  readonly #judged: Set<string>

  constructor(system: SystemUnderTest, scenario: Scenario, options: ExploreOptions) {
    this.#system = system
    this.#scenario = scenario
    this.#options = options
    this.#marks = options.marks ?? new Marks()
    this.#judged = options.judged ?? new Set()
  }

  explore(): Exploration {
    const { run } = this.#scenario
    const start = { storage: this.#system.storage(), model: new Model(), path: '', modes: '', level: 0 }
    this.#judge(start, (client) => {
      client.open()
      run(client)
    })
    const failures = this.#failures.sort((a, b) => a.at.split('/').length - b.at.split('/').length)
    return {
      scenario: this.#scenario.name,
      points: this.#points,
      images: this.#images,
      nestedImages: this.#nestedImages,
      duplicates: this.#duplicates,
      lookedAt: this.#lookedAt,
      failedImages: this.#failedImages,
      hash: this.#hash.value,
      failures: failures.slice(0, KEPT_FAILURES),
      checked: this.#checked,
    }
  }

  #judge({ storage, model, path, modes, level }: LifeStart, script: (client: Client) => void): void {
    const world: World = {
      system: this.#system,
      model,
      marks: new Marks(),
      // Scenarios begin alike: ids and orders of the first steps are the same, and so are the images.
      random: new Random(seedOf(`${this.#options.seed} ${level === 0 ? '' : this.#scenario.name} ${path}`)),
      storage,
      monitors: [],
      watch: (next) => this.#watch(run, next),
    }
    const run: Run = { path, modes, level, world, draw: new Random(seedOf(`${this.#options.seed} ${path}`)), point: 0 }
    world.watch(storage)
    const violations: string[] = []
    const client = new Client(world)
    try {
      script(client)
      // One more crash, after the last operation.
      if (level === 0) this.#crashHere(run)
    } catch (error) {
      violations.push(error instanceof CrashSignal ? `stopped: ${error.message}` : `failed: ${describe(error)}`)
    }
    client.discard()
    for (const [name, count] of world.marks.counts) this.#marks.mark(name, count)
    violations.push(...model.violations)
    if (this.#scenario.failsDisk !== true) violations.push(...unexplained(client.refusals))
    for (const monitor of world.monitors) {
      if (this.#options.ignoreMonitor !== true) violations.push(...monitor.violations)
      for (const [name, count] of monitor.checked) this.#checked.set(name, (this.#checked.get(name) ?? 0) + count)
    }
    this.#hash.add(`${path} ${violations.join()}`)
    if (violations.length === 0) return
    this.#failedImages++
    const { seed } = this.#options
    this.#failures.push({ scenario: this.#scenario.name, seed, at: path, modes, violations })
  }

  #watch(run: Run, storage: VirtualStorage): void {
    storage.watch = (number, kind, path, range) => {
      this.#hash.add(`${kind} ${path} ${range?.position} ${range?.lengthBytes}`)
      run.world.monitors.at(-1)?.operation(number, kind, path, range)
      this.#crashHere(run)
    }
  }

  #crashHere(run: Run): void {
    run.point++
    const { level, path } = run
    if (level === 0) this.#points++
    const images = level === 0 ? (this.#options.images ?? 12) : 1
    const chance = level === 0 ? (this.#options.pointChance ?? 1) : (this.#nestedChances[level - 1] ?? 0)
    const isChosen = run.draw.chance(chance)
    // Below the first level one image of a point is enough; which one differs from point to point.
    const chosen = run.draw.below(8)
    if ((!isChosen && !this.#isOnlyPath(path)) || this.#options.isOver?.() === true) return
    const crashed = new CrashedModels(run.world.model)
    for (let index = 0; index < images; index++) {
      this.#crashInto(run, level === 0 ? index : chosen, crashed)
    }
  }

  get #nestedChances(): readonly number[] {
    return this.#options.nestedChances ?? [0.2, 0.1]
  }

  #crashInto(run: Run, image: number, crashed: CrashedModels): void {
    const { level, world, point } = run
    if (this.#options.stopAtFirst === true && this.#failedImages > 0) return
    const path = `${run.path}${run.path === '' ? '' : '/'}${point}.${image}`
    const { only, budget = Number.POSITIVE_INFINITY } = this.#options
    if (only !== undefined && only !== path && !only.startsWith(`${path}/`)) return
    if (level > 0 && this.#images + this.#nestedImages >= budget) return
    const mode = FIXED_MODES[image] ?? 'mixed'
    const random = new Random(seedOf(`${this.#options.seed} ${this.#scenario.name} image ${path}`))
    if (level === 0) this.#images++
    else this.#nestedImages++
    const { model, digest } = crashed.by(lossOf(mode))
    const modes = `${run.modes}${run.modes === '' ? '' : '/'}${mode}`
    const storage = world.storage.image(random, mode)
    if (only === undefined && this.#wasJudged(`${storage.digest()} ${digest}`)) this.#duplicates++
    else {
      const life = { storage, model: model.fork(), path, modes, level: level + 1 }
      this.#judge(life, (client) => this.#live(client, path, mode))
    }
  }

  /** What clients do after a crash. */
  #live(client: Client, path: string, mode: ImageMode): void {
    client.open()
    const { lifeChance = 1, only, seed } = this.#options
    if (lifeChance < 1 && only === undefined) {
      const { marks, model } = client.world
      const branches = [...marks.counts.keys()].sort()
      const state = `${lossOf(mode)} ${branches.join()} ${model.kinds()}`
      if (this.#wasJudged(state) && !new Random(seedOf(`${seed} life ${path}`)).chance(lifeChance)) {
        this.#lookedAt++
        return
      }
    }
    useAfterCrash(client)
  }

  #wasJudged(state: string): boolean {
    const isKnown = this.#judged.has(state)
    this.#judged.add(state)
    return isKnown
  }

  #isOnlyPath(path: string): boolean {
    const { only } = this.#options
    return only !== undefined && (path === '' || only.startsWith(`${path}/`))
  }
}

/** On a disk that is well a crash leaves no reason to refuse a send, but for sequences, which the model judges. */
function unexplained(refusals: readonly string[]): string[] {
  return refusals.flatMap((code) => (code === 'OUT_OF_ORDER_SEQUENCE_NUMBER' ? [] : [`Refused: a send, with ${code}`]))
}

function lossOf(mode: ImageMode): Loss {
  return mode === 'kill' || mode === 'torn' ? 'process' : 'power'
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return `${'code' in error ? `${String(error.code)} ` : ''}${error.stack ?? error.message}`
}

/** FNV-1a: runs that lie on other paths draw other numbers, whatever else is explored. */
function seedOf(text: string): number {
  const hash = new TraceHash()
  hash.add(text)
  return hash.number
}
