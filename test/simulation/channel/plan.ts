import type { Compression } from '../../../bindings/client/producer/producer-options.ts'
import type { TopicCompression } from '../../../bindings/model/topic-config-keys.ts'
import { FILE_SYSTEMS, type FileSystem } from '../../../bindings/testkit/simulation/file-systems.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'

/** What the programs of a run do: stories/. */
export const KINDS = [
  'producers',
  'transactions',
  'groups',
  'retention',
  'compaction',
  'shares',
  'states',
  'ingest',
  'damaged',
] as const

export type Kind = (typeof KINDS)[number]

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
  | 'clock set'
  | 'misdirected write'
  | 'zeroed write'
  | 'swallowed write'
  | 'flipped read'

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
  /** Records get up to so many bytes more. */
  readonly paddingBytes: number
  readonly segmentMs: number
  /** segment.bytes of the log's own topics. */
  readonly tableSegmentBytes: number
  /** How often retention and compaction look round. */
  readonly upkeepIntervalMs: number
  /** One of them for each producer. */
  readonly compression: readonly Compression[]
  readonly topicCompression: TopicCompression
  /** What a power failure leaves of what wasn't synced. */
  readonly fileSystem: FileSystem
  /** Transactional ids begin so near to the end of their producer's epochs. */
  readonly epochsLeft: number | undefined
  readonly retentionMs: number
  readonly retentionBytes: number
  /** Records are dated up to half of it before and after their append. */
  readonly stampSpreadMs: number
  readonly deletesRecords: boolean
  /** cleanup.policy compact,delete */
  readonly cleansByTime: boolean
  readonly deleteRetentionMs: number
  readonly compactionLagMs: number
  readonly dirtyRatio: number
  /** Also what opens, lists, renames and removes files takes time. */
  readonly isSlowThroughout: boolean
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
  paddingBytes: 0,
  segmentMs: 1_000_000,
  tableSegmentBytes: 4000,
  upkeepIntervalMs: 40,
  compression: ['none'],
  topicCompression: 'producer',
  fileSystem: 'posix',
  epochsLeft: undefined,
  retentionMs: 400,
  retentionBytes: 5000,
  stampSpreadMs: 300,
  deletesRecords: true,
  cleansByTime: false,
  deleteRetentionMs: 100,
  compactionLagMs: 0,
  dirtyRatio: 0.2,
  isSlowThroughout: false,
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

/** What no log can undo; what was acknowledged may be gone then. */
const DAMAGING: Weights = [
  ['misdirected write', 1.5],
  ['zeroed write', 1.5],
  ['swallowed write', 1.5],
  ['flipped read', 1.5],
]

/**
 * Every run another mix: sizes, how long, and which kinds of trouble there are at all. Runs that leave some out reach
 * states which the others would destroy before (Groce et al., Swarm Testing, 2012).
 */
export function swarmPlan(seed: number, wanted?: Kind): Plan {
  const random = new Random(seed * 2 + 1)
  const drawn = KINDS[random.below(KINDS.length)] as Kind
  const kind = wanted ?? drawn
  const losesUnflushed = random.chance(0.4)
  const one = <T>(...values: readonly T[]): T => values[random.below(values.length)] as T
  const settings = drawSettings(random, one)
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
    ['clock set', 0.5],
    ...(kind === 'damaged' ? DAMAGING : []),
  ]
  const weights: Weights = [['nothing', 1], ...all.filter(() => random.chance(0.6))]
  const pauseMs = one(10, 30, 100)
  const events = Array.from({ length: 3 + random.below(25) }, () => drawEvent(random, weights, pauseMs))
  return { kind, seed, settings, losesUnflushed, events }
}

type One = <T>(...values: readonly T[]) => T

function drawSettings(random: Random, one: One): Settings {
  return {
    slots: 1 + random.below(4),
    inputs: one(10, 40, 120),
    burst: one(1, 3, 3, 200),
    segmentBytes: one(1500, 8000, 60_000),
    ringFileBytes: one(16_384, 32_768, 131_072),
    ceilingBlock: one(4, 64, 1000),
    cacheBytes: one(2048, 8192, 1_000_000),
    transactionBufferBytes: one(300, 2000, 100_000),
    flushMsMax: one(0.1, 2, 15),
    ...drawStorage(random, one),
  }
}

type StorageSettings = Omit<
  Settings,
  | 'slots'
  | 'inputs'
  | 'burst'
  | 'segmentBytes'
  | 'ringFileBytes'
  | 'ceilingBlock'
  | 'cacheBytes'
  | 'transactionBufferBytes'
  | 'flushMsMax'
>

function drawStorage(random: Random, one: One): StorageSettings {
  return {
    paddingBytes: one(0, 0, 150),
    segmentMs: one(60, 1_000_000, 1_000_000),
    tableSegmentBytes: one(2000, 10_000, 16_777_216),
    upkeepIntervalMs: one(15, 60, 250),
    compression: one(
      ['none'],
      ['none'],
      ['gzip'],
      ['snappy'],
      ['lz4'],
      ['zstd'],
      ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    ),
    topicCompression: one('producer', 'producer', 'producer', 'zstd', 'lz4', 'uncompressed'),
    fileSystem: one(...FILE_SYSTEMS),
    epochsLeft: one(undefined, undefined, 3),
    retentionMs: one(-1, 150, 500),
    retentionBytes: one(-1, 0, 4000),
    stampSpreadMs: one(0, 200, 1000),
    deletesRecords: random.chance(0.4),
    cleansByTime: random.chance(0.3),
    deleteRetentionMs: one(0, 60, 2000),
    compactionLagMs: one(0, 0, 100),
    dirtyRatio: one(0.01, 0.3),
    isSlowThroughout: random.chance(0.3),
  }
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
