import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import b from 'benny'
import { build } from 'esbuild'
import { seededShuffle } from '../harness/records.ts'
import { median, ratioOfPairs } from '../harness/statistics.ts'

/**
 * A function that does `calls` operations, so that benny's own call per run weighs nothing. It answers a number that
 * depends on all of them: nothing can be left out, and benny takes a returned function for a second set-up.
 */
export interface Workload {
  readonly calls: number
  run(): number
}

export interface Comparison {
  readonly name: string
  /** What the issue asks for, as a factor over `rival`; undefined where a row is only shown. */
  readonly target?: number
  readonly bytesPerCall?: number
  readonly kernel: () => Workload
  /** The first is the one that the target names. */
  readonly rivals: Readonly<Record<string, () => Workload>>
}

const pairs = Number(process.env['ROUNDS'] ?? 15)

interface Took {
  readonly median: number
  /** On a machine that others use too, the sample that nobody interrupted. */
  readonly fastest: number
}

/** Nanoseconds of one call, by benny's samples. */
async function measure(workload: Workload): Promise<Took> {
  const summary = await b.suite(
    'case',
    b.add('case', () => workload.run(), { minSamples: 20, maxTime: 0.4, initCount: 10 }),
    b.configure({ cases: {} }),
  )
  const result = summary.results[0]
  if (result === undefined) throw new Error('benny gave no result')
  const ns = 1e9 / workload.calls
  return { median: result.details.median * ns, fastest: result.details.min * ns }
}

function makers(comparison: Comparison): readonly (readonly [string, () => Workload])[] {
  return [['kernel', comparison.kernel], ...Object.entries(comparison.rivals)]
}

/** Every case in a process of its own, of plain JavaScript; each round runs all of them in a fresh order. */
async function compareAll(entry: string, comparisons: readonly Comparison[]): Promise<void> {
  const folder = fileURLToPath(new URL('../../build/bench/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const outfile = `${folder}${entry.replace(/^.*\/|\.ts$/g, '')}.mjs`
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  })
  const cases = comparisons.flatMap((comparison) =>
    makers(comparison).map(([name]) => [comparison.name, name] as const),
  )
  const took = new Map<string, Took[]>(cases.map((names) => [names.join('\n'), []]))
  for (let round = 0; round < pairs; round++) {
    for (const names of seededShuffle(cases, round + 1)) {
      const child = spawnSync(process.execPath, [outfile, ...names], { encoding: 'utf8' })
      const line = child.stdout.split('\n').find((text) => text.startsWith('ns '))
      if (line === undefined) throw new Error(`${names.join(' ')} failed: ${child.stderr}${child.stdout}`)
      const [, middle, fastest] = line.split(' ')
      took.get(names.join('\n'))?.push({ median: Number(middle), fastest: Number(fastest) })
    }
    process.stderr.write(`round ${round + 1} of ${pairs}\n`)
  }
  for (const comparison of comparisons) report(comparison, took)
}

function report(comparison: Comparison, took: ReadonlyMap<string, readonly Took[]>): void {
  const of = (name: string, figure: keyof Took): number[] =>
    (took.get(`${comparison.name}\n${name}`) ?? []).map((sample) => sample[figure])
  const shown = (name: string): string => {
    const ns = Math.min(...of(name, 'fastest'))
    const rate = comparison.bytesPerCall === undefined ? '' : `, ${(comparison.bytesPerCall / ns).toFixed(2)} GB/s`
    return `${median(of(name, 'median')).toFixed(1)} ns (fastest ${ns.toFixed(1)}${rate})`
  }
  process.stdout.write(`${comparison.name}: kernel ${shown('kernel')}\n`)
  Object.keys(comparison.rivals).forEach((name, index) => {
    const target = index === 0 && comparison.target !== undefined ? `, target ${comparison.target}` : ''
    const ratios = (['median', 'fastest'] as const).map((figure) => {
      const { ratio, low, high } = ratioOfPairs(of(name, figure), of('kernel', figure))
      return `${ratio.toFixed(2)} (95 % ${low.toFixed(2)} to ${high.toFixed(2)})`
    })
    process.stdout.write(`  ${ratios[0]}, by fastest samples ${ratios[1]} times ${name} ${shown(name)}${target}\n`)
  })
}

/** The main of a *.bench.ts: without arguments all of it, with two the one case that a parent asked for. */
export async function comparisonMain(entry: string, comparisons: readonly Comparison[]): Promise<void> {
  const [, , wanted, name] = process.argv
  if (wanted === undefined) return compareAll(fileURLToPath(entry), comparisons)
  const comparison = comparisons.find((candidate) => candidate.name === wanted)
  const maker = comparison && makers(comparison).find(([candidate]) => candidate === name)
  if (maker === undefined) throw new Error(`no case ${wanted} ${name}`)
  const took = await measure(maker[1]())
  process.stdout.write(`\nns ${took.median} ${took.fastest}\n`)
}
