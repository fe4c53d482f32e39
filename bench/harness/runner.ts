import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundled } from './bundled.ts'
import type { CaseRequest } from './case.ts'
import { probeFdatasync } from './machine.ts'
import type { PeerDefinition, WorkloadName } from './peer.ts'
import { seededShuffle } from './records.ts'
import { median } from './statistics.ts'
import type { Figures } from './workload.ts'

export interface RunOptions {
  readonly peers: readonly PeerDefinition[]
  readonly workloads: readonly WorkloadName[]
  readonly valueBytes: readonly number[]
  /** Every round runs every case once; a round is one pair for each two peers of a workload. */
  readonly rounds: number
  readonly records: (workload: WorkloadName, valueBytes: number) => number
  readonly seed: number
  /** Where the stores are written; a directory of the system's for temporary files unless given. */
  readonly directory?: string | undefined
  /** Words put before the command, such as `taskset -c 1`. */
  readonly prefix?: readonly string[] | undefined
  readonly onCase?: ((done: number, all: number, label: string) => void) | undefined
}

export interface CaseResult {
  readonly peer: string
  readonly workload: WorkloadName
  readonly valueBytes: number
  readonly records: number
  /** One entry per round, in order; a round that failed has none. */
  readonly rounds: readonly Figures[]
  readonly failure?: string | undefined
}

export interface RunResult {
  /** Median over all probes of the run, taken before every case. */
  readonly fdatasyncP50Ms: number
  readonly cases: readonly CaseResult[]
}

const CASE_TIMEOUT_MS = 600_000

interface Bundles {
  readonly runner: string
  readonly modules: ReadonlyMap<string, string>
}

/** Bundles case and peers to plain JavaScript; each beside the packages it imports, which stay outside the bundle. */
async function bundle(peers: readonly PeerDefinition[]): Promise<Bundles> {
  const modules = new Map<string, string>()
  const runner = await bundled(fileURLToPath(new URL('./case.ts', import.meta.url)))
  for (const source of new Set(peers.map((peer) => fileURLToPath(peer.module))))
    modules.set(source, await bundled(source))
  return { runner, modules }
}

function spawnCase(command: readonly string[], dies: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), CASE_TIMEOUT_MS)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0 || (dies && signal === 'SIGKILL')) resolve(output)
      else reject(new Error(`ended with ${signal ?? code}: ${errors.trim().split('\n').slice(-12).join('\n')}`))
    })
  })
}

interface PlannedCase {
  readonly peer: PeerDefinition
  readonly workload: WorkloadName
  readonly valueBytes: number
  readonly records: number
  readonly rounds: Figures[]
  failure?: string | undefined
}

function plan(options: RunOptions): PlannedCase[] {
  return options.workloads.flatMap((workload) =>
    options.valueBytes.flatMap((valueBytes) =>
      options.peers
        .filter((peer) => peer.workloads.includes(workload))
        .map((peer) => {
          return { peer, workload, valueBytes, records: options.records(workload, valueBytes), rounds: [] }
        }),
    ),
  )
}

async function runCase(
  planned: PlannedCase,
  bundles: Bundles,
  directory: string,
  options: RunOptions,
): Promise<Figures> {
  const { peer, workload, valueBytes, records } = planned
  const executable = peer.runtime === undefined ? process.execPath : fileURLToPath(peer.runtime)
  const request: CaseRequest = {
    module: bundles.modules.get(fileURLToPath(peer.module)) as string,
    variant: peer.variant,
    workload,
    valueBytes,
    records,
    directory,
    die: false,
  }
  const command = (asked: CaseRequest): string[] => {
    return [...(options.prefix ?? []), executable, '--no-warnings', bundles.runner, JSON.stringify(asked)]
  }
  if (workload === 'reopen') await spawnCase(command({ ...request, die: true }), true)
  const output = await spawnCase(command(request), false)
  return JSON.parse(output) as Figures
}

/**
 * One process per case. Within a round the cases are shuffled by workload, and the peers of a workload run right after
 * one another in an order shuffled anew each round, so that the two sides of a pair meet the machine in the same state.
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const cases = plan(options)
  const bundles = await bundle(options.peers)
  const root = mkdtempSync(join(options.directory ?? tmpdir(), 'oncelog-bench-'))
  const probes: number[] = []
  let done = 0
  try {
    for (let round = 0; round < options.rounds; round++) {
      const groups = new Map<string, PlannedCase[]>()
      for (const one of cases) {
        const key = `${one.workload} ${one.valueBytes}`
        groups.set(key, [...(groups.get(key) ?? []), one])
      }
      const order = seededShuffle([...groups.values()], options.seed + round)
      for (const [index, group] of order.entries()) {
        for (const planned of seededShuffle(group, options.seed + round * 1000 + index)) {
          options.onCase?.(done++, cases.length * options.rounds, `${planned.workload} ${planned.peer.name}`)
          if (planned.failure !== undefined) continue
          probes.push(probeFdatasync(root))
          const directory = join(root, 'store')
          mkdirSync(directory)
          try {
            planned.rounds.push(await runCase(planned, bundles, directory, options))
          } catch (error) {
            planned.failure = error instanceof Error ? error.message : String(error)
          }
          rmSync(directory, { recursive: true, force: true })
        }
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
  return {
    fdatasyncP50Ms: median(probes),
    cases: cases.map(({ peer, workload, valueBytes, records, rounds, failure }) => {
      return { peer: peer.name, workload, valueBytes, records, rounds, failure }
    }),
  }
}
