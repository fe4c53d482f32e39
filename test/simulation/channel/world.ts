import type { Compression } from '../../../bindings/client/producer/producer-options.ts'
import type { ConsumerRecord } from '../../../bindings/client/records.ts'
import type { ErrorCode } from '../../../bindings/model/error-table.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { TopicConfig } from '../../../bindings/model/topic-config.ts'
import type { SeenRecord } from '../../../bindings/testkit/history/history.ts'
import type { VirtualTime } from '../../../bindings/testkit/simulation/channel/virtual-time.ts'
import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import type { Plan } from './plan.ts'
import type { SimulatedProcess } from './process.ts'
import type { OpenSend, Recording } from './recording.ts'

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
  /** Partitions of which somebody was told that they are damaged. */
  readonly damaged: DamagedPlaces
  /** When last a process or a connection came to its end. */
  readonly troubleMs: () => number
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

/**
 * What isn't a LogError is no weather, but wrong. A process that a crash has ended may still run a little; nobody hears
 * what it is told.
 */
export function note(world: World, process: SimulatedProcess, error: unknown): void {
  if (!process.isAlive) return
  if (LogError.is(error, 'KAFKA_STORAGE_ERROR')) world.storageFailed(process)
  if (LogError.is(error, ...DAMAGE)) world.damaged.add(error.details)
  if (isPastDamage(world, error)) return
  if (LogError.is(error)) world.told.set(error.code, (world.told.get(error.code) ?? 0) + 1)
  else world.unexpected.push(`a program was told ${String(error)}`)
}

/** A reader was further on in a partition than what is left of it since, which was told. */
function isPastDamage({ plan, damaged }: World, error: unknown): boolean {
  if (plan.kind !== 'damaged' || !LogError.is(error, 'OFFSET_OUT_OF_RANGE')) return false
  return damaged.has(error.details['partition'])
}

/** Any of them says that something of the log is damaged. */
const DAMAGE: readonly ErrorCode[] = ['CORRUPT_MESSAGE', 'CORRUPT_LOG', 'LOG_READ_ONLY']

/** What was told to be damaged: partitions, or a file of the log itself, which is a reason for any of them. */
export class DamagedPlaces {
  readonly #partitions = new Set<unknown>()
  #hasOwn = false

  add({ topic, partition }: { readonly topic?: unknown; readonly partition?: unknown }): void {
    if (topic === 't') this.#partitions.add(partition)
    else this.#hasOwn = true
  }

  has(partition: unknown): boolean {
    return this.#hasOwn || this.#partitions.has(partition)
  }
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

/** A deletion is told from others by its header. What else a record has must be what was sent under its value. */
export function textsOf({ recording, unexpected }: World, batch: Iterable<ConsumerRecord>): SeenRecord[] {
  return Array.from(batch, (record) => {
    const { offset, value, headers } = record
    const text = decoder.decode(value ?? headers.get(DELETION) ?? undefined)
    const sent = recording.sentValues.get(text)
    if (sent !== undefined)
      unexpected.push(...differences(sent, record).map((what) => `${text} at ${offset} has ${what}`))
    return { offset, value: text }
  })
}

function differences(sent: OpenSend, { topic, key, timestamp, headers }: ConsumerRecord): string[] {
  const wrong: string[] = []
  const text = (bytes: Uint8Array | null | undefined) => (bytes == null ? undefined : decoder.decode(bytes))
  if (text(key) !== sent.key) wrong.push(`the key ${text(key)}`)
  if (text(headers.get('copy')) !== sent.copy) wrong.push(`the header ${text(headers.get('copy'))}`)
  // A dead letter has a time of its own.
  if (topic === sent.topic && sent.timestamp !== undefined && timestamp !== sent.timestamp)
    wrong.push(`the timestamp ${timestamp}, ${sent.timestamp} was told`)
  return wrong
}

export const DELETION = 'deletion'
