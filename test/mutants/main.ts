/**
 * Takes one mechanism after the other out of a copy of the sources and runs the tests that must tell.
 *
 *   npm run mutants              all of them, two at a time
 *   npm run mutants -- offset    those whose name holds one of the words
 *
 * Ends with 1 if one isn't caught, or if the sources as they are don't pass.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Result, runOne } from '../runner/schedule.ts'
import type { Mutant } from './mutant.ts'
import { MUTANTS } from './mutants.ts'

const COPIED = ['bindings', 'build', 'data', 'dist', 'docs', 'examples', 'test', 'package.json', 'tsconfig.json']
const LANES = 2
const TIMEOUT_MS = 900_000
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
    for (const path of COPIED) cpSync(path, join(root, path), { recursive: true })
    symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
  }

  run(test: string, timeoutMs: number): Promise<Result> {
    return runOne({ path: `test/${test}`, heavy: false, timeoutMs }, { root: this.#root, endsAtFailure: true })
  }

  /** The first test that tells; `undefined` if none does. */
  async caughtBy({ name, file, find, put, tests }: Mutant): Promise<string | undefined> {
    const path = join(this.#root, 'bindings', file)
    const before = readFileSync(path, 'utf8')
    writeFileSync(
      path,
      before.replace(find, () => put),
    )
    try {
      for (const test of tests) {
        const timeoutMs = Math.max(LEAST_TIMEOUT_MS, TIMES_MAX * (durationsMs.get(test) ?? 0))
        const { failed, output, reasons } = await this.run(test, timeoutMs)
        if (output.includes('Build failed')) throw new Error(`a mutant that isn't TypeScript: ${name}\n${output}`)
        const late = reasons.find((reason) => reason.startsWith('killed after'))
        if (failed > 0) return late === undefined ? test : `${test}, ${late}`
      }
      return undefined
    } finally {
      writeFileSync(path, before)
    }
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
function hasPlace({ file, find }: Mutant): boolean {
  return readFileSync(`bindings/${file}`, 'utf8').split(find).length === 2
}

/** The first test that tells, and how long it took. */
async function judge(copy: Copy, mutant: Mutant): Promise<{ test: string | undefined; seconds: number }> {
  const begunMs = performance.now()
  const test = await copy.caughtBy(mutant)
  return { test, seconds: Math.round((performance.now() - begunMs) / 1000) }
}

async function main(home: string): Promise<void> {
  const words = process.argv.slice(2)
  const chosen = MUTANTS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
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
    const { test, seconds } = await judge(copy, mutant)
    if (test === undefined) missed.push(mutant.name)
    const told = test === undefined ? 'NOT CAUGHT' : `caught by ${test}`
    console.log(`${++done}/${chosen.length} ${mutant.name} (${mutant.file}): ${told}, ${seconds} s`)
  })
  for (const name of missed) console.log(`NOT CAUGHT: ${name}`)
  console.log(`${done} mutants, ${done - missed.length} caught, ${missed.length} not`)
  if (missed.length > 0 || done === 0) process.exitCode = 1
}

const home = mkdtempSync(join(tmpdir(), 'oncelog-mutants-'))
try {
  await main(home)
} finally {
  rmSync(home, { recursive: true, force: true })
}
