import type { Compression } from '../../../bindings/client/producer/producer-options.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { TopicConfig } from '../../../bindings/model/topic-config.ts'
import type { SeenRecord } from '../../../bindings/testkit/history/history.ts'
import type { VirtualTime } from '../../../bindings/testkit/simulation/channel/virtual-time.ts'
import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import type { Plan } from './plan.ts'
import type { SimulatedProcess } from './process.ts'
import type { Recording } from './recording.ts'

/** What the programs of one run share. */
export interface World {
  readonly random: Random
  readonly plan: Plan
  readonly time: VirtualTime
  readonly recording: Recording
  /** Programs finish what they have begun, and end. */
  isEnding: boolean
  /** Errors that programs were told. */
  readonly told: Map<string, number>
  readonly unexpected: string[]
  /** A program heard that the log has failed: it has to be closed and opened again. */
  readonly storageFailed: (process: SimulatedProcess) => void
  /** A path that few runs take. */
  readonly mark: (name: string) => void
}

export const PARTITIONS = 3
export const ALL_PARTITIONS: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition)
const decoder = new TextDecoder()

/** A program of one process; it resolves when it is done, or never. */
export type Program = (process: SimulatedProcess, world: World, slot: number) => Promise<void>

/** What isn't a LogError is no weather, but wrong. */
export function note(world: World, process: SimulatedProcess, error: unknown): void {
  if (LogError.is(error, 'KAFKA_STORAGE_ERROR')) world.storageFailed(process)
  if (LogError.is(error)) world.told.set(error.code, (world.told.get(error.code) ?? 0) + 1)
  else world.unexpected.push(`a program was told ${String(error)}`)
}

/** Among what programs were told: an opening found something damaged, or set it aside. */
export const RECOVERY_REPORT = 'recovery report'

/** Of the next producer. */
export function drawCompression({ random, plan }: World): Compression {
  const { compression } = plan.settings
  return compression[random.below(compression.length)] ?? 'none'
}

/** Unless a story says so nothing expires: a clock that is set on thrice is ahead of the usual seven days. */
export function topicConfig({ plan }: World, more: TopicConfig = {}): TopicConfig {
  const { segmentBytes, segmentMs } = plan.settings
  return { 'segment.bytes': segmentBytes, 'segment.ms': segmentMs, 'retention.ms': -1, ...more }
}

/** A deletion is told from others by its header. */
export function textsOf(
  batch: Iterable<{
    readonly offset: number
    readonly value: Uint8Array | null
    readonly headers: { get(name: string): Uint8Array | null | undefined }
  }>,
): SeenRecord[] {
  return Array.from(batch, ({ offset, value, headers }) => {
    return { offset, value: decoder.decode(value ?? headers.get(DELETION) ?? undefined) }
  })
}

export const DELETION = 'deletion'
