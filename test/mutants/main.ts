/**
 * Takes one mechanism after the other out of a copy of the sources and runs the tests that must tell.
 *
 *   npm run mutants              all of them, two at a time
 *   npm run mutants -- offset    those whose name holds one of the words
 *
 * Ends with 1 if one isn't caught, or if the sources as they are don't pass.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { namedBy } from '../command-line.ts'
import type { Result } from '../runner/job.ts'
import { runOne } from '../runner/single.ts'
import { isOfKernel, type Mutant, pathOf } from './mutant.ts'
import { MUTANTS } from './mutants.ts'

const execute = promisify(execFile)

const COPIED = [
  'bindings',
  'build',
  'data',
  'dist',
  'docs',
  'examples',
  'test',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
]
const COPIED_FOR_KERNEL = ['assembly', 'asconfig.json']
/** What the kernel's sources become. */
const BUILT = ['build/kernel.wasm', 'bindings/kernel/kernel-bytes.ts', 'dist/kernel/kernel-bytes.js']
const BUILD_KERNEL = [
  ['node_modules/assemblyscript/bin/asc.js', '--config', 'asconfig.json'],
  ['bindings/kernel/inline-kernel.mjs'],
]
const LANES = 2
/** Of a test file over the sources as they are: the table takes hours, and a busy machine need not end it. */
const TIMEOUT_MS = 3_600_000
/** A mutant that takes so many times as long as the sources as they are hangs, which is told. */
const TIMES_MAX = 4
const LEAST_TIMEOUT_MS = 120_000

/** By test file: how long it takes over the sources as they are. */
const durationsMs = new Map<string, number>()

/** A copy of the sources, in which one mutant at a time is. */
class Copy {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
    mkdirSync(root)
    for (const path of [...COPIED, ...COPIED_FOR_KERNEL]) cpSync(path, join(root, path), { recursive: true })
    symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
  }

  run(test: string, timeoutMs: number): Promise<Result> {
    const job = { path: `test/${test}`, heavy: false, sharesProcess: false, timeoutMs }
    return runOne(job, { root: this.#root, endsAtFailure: true })
  }

  /** The first test that tells; `undefined` if none does. */
  async caughtBy(mutant: Mutant): Promise<string | undefined> {
    const kept = [pathOf(mutant), ...(isOfKernel(mutant) ? BUILT : [])].map((path) => join(this.#root, path))
    const before = kept.map((path) => readFileSync(path))
    try {
      await this.#plant(mutant)
      return await this.#firstThatTells(mutant)
    } finally {
      for (const [index, path] of kept.entries()) writeFileSync(path, before[index] as Buffer)
    }
  }

  async #plant(mutant: Mutant): Promise<void> {
    const path = join(this.#root, pathOf(mutant))
    const planted = readFileSync(path, 'utf8').replace(mutant.find, () => mutant.put)
    writeFileSync(path, planted)
    if (!isOfKernel(mutant)) return
    for (const command of BUILD_KERNEL) await execute(process.execPath, command, { cwd: this.#root })
  }

  async #firstThatTells({ tests }: Mutant): Promise<string | undefined> {
    for (const test of tests) {
      const timeoutMs = Math.max(LEAST_TIMEOUT_MS, TIMES_MAX * (durationsMs.get(test) ?? 0))
      const { failed, output, reasons } = await this.run(test, timeoutMs)
      if (output.includes('Build failed')) throw new Error(`no TypeScript: ${output}`)
      const late = reasons.find((reason) => reason.startsWith('killed after'))
      if (failed > 0) return late === undefined ? test : `${test}, ${late}`
    }
    return undefined
  }
}

/** Takes one thing after the other, in so many lanes, each with a copy of its own. */
async function inLanes<T>(
  copies: readonly Copy[],
  all: readonly T[],
  work: (copy: Copy, one: T) => Promise<void>,
): Promise<void> {
  const left = [...all]
  const lane = async (copy: Copy): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(copy, one)
  }
  await Promise.all(copies.map(lane))
}

/** What it replaces stands in the sources, once. */
function hasPlace(mutant: Mutant): boolean {
  return readFileSync(pathOf(mutant), 'utf8').split(mutant.find).length === 2
}

/** What is told of it, and how long it took; one that doesn't compile tells nothing of the tests. */
async function judge(copy: Copy, mutant: Mutant): Promise<{ isCaught: boolean; told: string }> {
  const begunMs = performance.now()
  const test = await copy.caughtBy(mutant).catch((error: unknown) => error as Error)
  const isCaught = typeof test === 'string'
  const told = isCaught ? `caught by ${test}` : `NOT CAUGHT${test === undefined ? '' : `, ${test.message}`}`
  return { isCaught, told: `${told}, ${Math.round((performance.now() - begunMs) / 1000)} s` }
}

async function main(home: string, chosen: readonly Mutant[]): Promise<void> {
  const copies = Array.from({ length: LANES }, (_, lane) => new Copy(join(home, `${lane}`)))
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))]
  console.log(`${chosen.length} mutants; first the ${tests.length} test files over the sources as they are`)
  await inLanes(copies, tests, async (copy, test) => {
    const { failed, output, durationMs } = await copy.run(test, TIMEOUT_MS)
    durationsMs.set(test, durationMs)
    if (failed === 0) return
    console.error(`the sources as they are don't pass: ${test}\n${output}`)
    process.exitCode = 1
  })
  if (process.exitCode === 1) return

  const missed = chosen
    .filter((mutant) => !hasPlace(mutant))
    .map(({ name }) => `${name}: its place isn't in the sources`)
  let done = missed.length
  await inLanes(copies, chosen.filter(hasPlace), async (copy, mutant) => {
    const { isCaught, told } = await judge(copy, mutant)
    if (!isCaught) missed.push(mutant.name)
    console.log(`${++done}/${chosen.length} ${mutant.name} (${mutant.file}): ${told}`)
  })
  for (const name of missed) console.log(`NOT CAUGHT: ${name}`)
  console.log(`${done} mutants, ${done - missed.length} caught, ${missed.length} not`)
  if (missed.length > 0 || done === 0) process.exitCode = 1
}

const names = namedBy(
  'mutant',
  process.argv.slice(2),
  MUTANTS.map(({ name }) => name),
)
const home = mkdtempSync(join(tmpdir(), 'oncelog-mutants-'))
try {
  await main(
    home,
    MUTANTS.filter(({ name }) => names.includes(name)),
  )
} finally {
  rmSync(home, { recursive: true, force: true })
}
