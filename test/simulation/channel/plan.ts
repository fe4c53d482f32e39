import { Random } from '../../../bindings/testkit/simulation/random.ts'

export type Kind = 'producers' | 'transactions' | 'groups'

export const KINDS: readonly Kind[] = ['producers', 'transactions', 'groups']

/** What can happen to the processes of a run, to what lies between them, and to their disk. */
export type Happening =
  | 'nothing'
  | 'connection cut'
  | 'process killed'
  | 'holder killed'
  | 'holder stops in an operation'
  | 'power failure'
  | 'failing operation'
  | 'failing flush'
  | 'full disk'
  | 'slow disk'

export interface PlannedEvent {
  readonly afterMs: number
  readonly what: Happening
  /** Of the network until the next event: from 0, calm, to 1, a storm. */
  readonly badness: number
  /** Which process, which operation from now on, how slow: from 0 to below 1. */
  readonly draw: number
}

/** Sizes and times that decide how often rare paths are taken. */
export interface Settings {
  readonly slots: number
  readonly inputs: number
  /** A program sends up to so many records at once. */
  readonly burst: number
  readonly segmentBytes: number
  readonly ringFileBytes: number
  readonly ceilingBlock: number
  readonly cacheBytes: number
  readonly transactionBufferBytes: number
  readonly flushMsMax: number
}

/** All of one run but for what its programs draw, which follows from the seed. */
export interface Plan {
  readonly kind: Kind
  readonly seed: number
  readonly settings: Settings
  /** Programs rely on nothing that a power failure takes, or a flush that fails. */
  readonly losesUnflushed: boolean
  readonly events: readonly PlannedEvent[]
}

/** Small, so that the ring wraps and ceilings are raised within a few sends. */
const SETTINGS: Settings = {
  slots: 3,
  inputs: 120,
  burst: 3,
  segmentBytes: 8000,
  ringFileBytes: 32_768,
  ceilingBlock: 64,
  cacheBytes: 8192,
  transactionBufferBytes: 2000,
  flushMsMax: 2,
}
const EVENTS = 40

/** Always the same sizes, and every kind of process and network trouble. */
export function usualPlan(kind: Kind, seed: number): Plan {
  const random = new Random(seed + 7)
  const losesUnflushed = seed % 3 === 0
  const weights: Weights = [
    ['nothing', losesUnflushed ? 0.1 : 0.2],
    ['connection cut', 0.4],
    ['process killed', 0.15],
    ['holder killed', 0.1],
    ['holder stops in an operation', 0.15],
    ['power failure', losesUnflushed ? 0.1 : 0],
  ]
  const events = Array.from({ length: EVENTS }, () => drawEvent(random, weights, 65))
  return { kind, seed, settings: SETTINGS, losesUnflushed, events }
}

type Weights = readonly (readonly [Happening, number])[]

/**
 * Every run another mix: sizes, how long, and which kinds of trouble there are at all. Runs that leave some out reach states
 * which the others would destroy before (Groce et al., Swarm Testing, 2012).
 */
export function swarmPlan(seed: number): Plan {
  const random = new Random(seed * 2 + 1)
  const losesUnflushed = random.chance(0.4)
  const one = <T>(...values: readonly T[]): T => values[random.below(values.length)] as T
  const settings: Settings = {
    slots: 1 + random.below(4),
    inputs: one(10, 40, 120),
    burst: one(1, 3, 400),
    segmentBytes: one(1500, 8000, 60_000),
    ringFileBytes: one(16_384, 32_768, 131_072),
    ceilingBlock: one(4, 64, 1000),
    cacheBytes: one(2048, 8192, 1_000_000),
    transactionBufferBytes: one(300, 2000, 100_000),
    flushMsMax: one(0.1, 2, 15),
  }
  const all: Weights = [
    ['connection cut', 2],
    ['process killed', 1],
    ['holder killed', 1],
    ['holder stops in an operation', 2],
    ['power failure', losesUnflushed ? 1 : 0],
    ['failing operation', 1],
    ['failing flush', losesUnflushed ? 1 : 0],
    ['full disk', 1],
    ['slow disk', 0.5],
  ]
  const weights: Weights = [['nothing', 1], ...all.filter(() => random.chance(0.6))]
  const pauseMs = one(20, 60, 200)
  const events = Array.from({ length: 3 + random.below(25) }, () => drawEvent(random, weights, pauseMs))
  return { kind: one(...KINDS), seed, settings, losesUnflushed, events }
}

function drawEvent(random: Random, weights: Weights, pauseMs: number): PlannedEvent {
  let left = random.unit() * weights.reduce((sum, [, weight]) => sum + weight, 0)
  const found = weights.find(([, weight]) => {
    left -= weight
    return left < 0
  })
  const what = found?.[0] ?? 'nothing'
  return { afterMs: 5 + random.unit() * pauseMs, what, badness: random.unit(), draw: random.unit() }
}
