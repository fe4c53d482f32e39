import { Random } from '../../../bindings/testkit/simulation/random.ts'

/** What members, topics and processes of a run may do at all: runs that leave some out see the others more closely. */
export const FEATURES = [
  'bodies hang',
  'handlers hang',
  'slow handlers',
  'handlers throw',
  'commits in revoked',
  'commits not awaited',
  'transactions',
  'aborted input',
  'closes',
  'breaks',
  'signals',
  'seeks',
  'pauses',
  'single records',
  'topics deleted',
  'partitions added',
  'clock set',
  'storm',
  'connections cut',
  'processes killed',
] as const

export type Feature = (typeof FEATURES)[number]

export type AssignorKind = 'range' | 'sticky' | 'user'

/** Where a group without an offset begins; `positions`: its programs keep theirs themselves, and never commit. */
export type Begins = 'earliest' | 'latest' | 'positions'

export interface GroupPlan {
  readonly seed: number
  readonly features: ReadonlySet<Feature>
  readonly processes: number
  readonly members: number
  /** One for each group. */
  readonly assignors: readonly AssignorKind[]
  readonly begins: readonly Begins[]
  /** Partitions of each topic. */
  readonly topics: readonly number[]
  readonly maxPollIntervalMs: number
  /** How long anything may go wrong. */
  readonly wildMs: number
  /** A program works on a batch for up to so long. */
  readonly workMsMax: number
  readonly batchRecords: number
  /** Between two sends of a producer. */
  readonly sendMsMax: number
}

/** Every fortieth run has as many members as a group may well have. */
const LARGE_EVERY = 40

export function groupPlan(seed: number): GroupPlan {
  const random = new Random(seed * 2 + 1)
  const one = <T>(...values: readonly T[]): T => values[random.below(values.length)] as T
  const isLarge = seed % LARGE_EVERY === 0
  const density = one(0.15, 0.35, 0.6)
  const features = new Set(FEATURES.filter(() => random.chance(density)))
  const plan = {
    seed,
    features,
    processes: one(1, 1, 2, 3),
    members: isLarge ? 60 + random.below(141) : 2 + random.below(8),
    assignors: Array.from({ length: isLarge ? 1 : 1 + random.below(3) }, () =>
      one<AssignorKind>('range', 'sticky', 'user'),
    ),
    topics: Array.from({ length: 1 + random.below(3) }, () => (isLarge ? one(40, 250) : 1 + random.below(6))),
    maxPollIntervalMs: one(600, 2000),
    wildMs: isLarge ? 400 : one(300, 600, 1500),
    workMsMax: one(1, 5, 30),
    batchRecords: one(1, 3, 20),
    sendMsMax: one(5, 20, 60),
  }
  // Which topic of a name a position of its own is of, a program would have to keep, too.
  const kinds: readonly Begins[] = features.has('topics deleted')
    ? ['earliest', 'earliest', 'latest']
    : ['earliest', 'latest', 'positions']
  return { ...plan, begins: plan.assignors.map(() => one(...kinds)) }
}
