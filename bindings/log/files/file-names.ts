/** Names inside a data directory. Source: Kafka's LogFileUtils and UnifiedLog (kafka.md 2.1). */

export const PARTITION_METADATA = 'partition.metadata'
export const LEADER_EPOCH_CHECKPOINT = 'leader-epoch-checkpoint'
/** Only a Kafka broker has it in its directory. */
export const META_PROPERTIES = 'meta.properties'
/** Suffix of a file that is being written; it counts only once it was renamed. */
export const TEMPORARY_SUFFIX = '.tmp'

/** Name of the next segment's file before its first offset is known: it is empty, and no segment yet (decision 012). */
export const NEXT_SEGMENT: string = `next.log${TEMPORARY_SUFFIX}`

/**
 * Suffixes after a segment's name: what compaction is writing, and what it has written, whole and synced (kafka.md
 * 2.1).
 */
export const CLEANED_SUFFIX = '.cleaned'
export const SWAP_SUFFIX = '.swap'

const SEGMENT_SUFFIXES = ['log', 'index', 'timeindex', 'txnindex', 'snapshot'] as const
export type SegmentSuffix = (typeof SEGMENT_SUFFIXES)[number]

const OFFSET_DIGITS = 20
const SEGMENT_NAME = /^(\d{20})\.([a-z]+)$/
const PARTITION_DIRECTORY = /^(.+)-(0|[1-9]\d{0,9})$/
const TOPIC = /^[A-Za-z0-9._-]{1,249}$/
const INT32_MAX = 0x7fff_ffff

/** `00000000000000000042.log`: the offset in 20 digits, so that names sort like offsets. */
export function segmentFileName(offset: number, suffix: SegmentSuffix): string {
  return `${String(offset).padStart(OFFSET_DIGITS, '0')}.${suffix}`
}

/**
 * All files of a segment, in the order in which they are removed. The `.log` file goes last: a crash must not leave
 * derived files without the batches that they derive from.
 */
export function filesOfSegment(directory: string, baseOffset: number): string[] {
  const suffixes = ['index', 'timeindex', 'txnindex', 'snapshot', 'log'] as const
  return suffixes.map((suffix) => `${directory}/${segmentFileName(baseOffset, suffix)}`)
}

export interface SegmentFileName {
  readonly offset: number
  readonly suffix: SegmentSuffix
}

/** `undefined` for any other name, and for an offset beyond 2^53. */
export function parseSegmentFileName(name: string): SegmentFileName | undefined {
  const match = SEGMENT_NAME.exec(name)
  if (match === null) return undefined
  const offset = Number(match[1])
  const suffix = SEGMENT_SUFFIXES.find((known) => known === match[2])
  return suffix === undefined || !Number.isSafeInteger(offset) ? undefined : { offset, suffix }
}

/** Base offsets of the segments whose `.log` file is among `names`, in that order. */
export function logOffsets(names: readonly string[]): number[] {
  return names.flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === 'log' ? [parsed.offset] : []
  })
}

/**
 * The segment in a file that compaction wrote and that doesn't have its final name yet. `isWhole`: it was written to
 * the end and synced.
 */
export function rewrittenSegment(name: string): { readonly offset: number; readonly isWhole: boolean } | undefined {
  const isWhole = name.endsWith(SWAP_SUFFIX)
  if (!isWhole && !name.endsWith(CLEANED_SUFFIX)) return undefined
  const parsed = parseSegmentFileName(name.slice(0, name.lastIndexOf('.')))
  return parsed === undefined ? undefined : { offset: parsed.offset, isWhole }
}

export function partitionDirectory(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/**
 * Topic and partition of a directory. A topic's name may hold dashes too, so the last `-` counts. `undefined` for a
 * name that can't be a partition's.
 */
export function parsePartitionDirectory(name: string): { topic: string; partition: number } | undefined {
  const match = PARTITION_DIRECTORY.exec(name)
  const topic = match?.[1]
  if (match === null || topic === undefined || !TOPIC.test(topic) || topic === '.' || topic === '..') return undefined
  const partition = Number(match[2])
  return partition > INT32_MAX ? undefined : { topic, partition }
}

export type PartitionFile =
  | { readonly kind: 'segment'; readonly name: string; readonly offset: number; readonly suffix: SegmentSuffix }
  | { readonly kind: 'metadata' | 'leader-epochs' | 'temporary' | 'foreign'; readonly name: string }

/**
 * What a name in a partition's directory stands for. A file with a foreign name is never opened, changed or removed.
 */
export function classifyPartitionFile(name: string): PartitionFile {
  const segment = parseSegmentFileName(name)
  if (segment !== undefined) return { kind: 'segment', name, ...segment }
  if (name === PARTITION_METADATA) return { kind: 'metadata', name }
  if (name === LEADER_EPOCH_CHECKPOINT) return { kind: 'leader-epochs', name }
  if (name === NEXT_SEGMENT || rewrittenSegment(name) !== undefined) return { kind: 'temporary', name }
  if (name.endsWith(TEMPORARY_SUFFIX)) {
    const target = classifyPartitionFile(name.slice(0, -TEMPORARY_SUFFIX.length))
    if (target.kind !== 'foreign' && target.kind !== 'temporary') return { kind: 'temporary', name }
  }
  return { kind: 'foreign', name }
}

export function isPartitionFile(name: string): boolean {
  return classifyPartitionFile(name).kind !== 'foreign'
}
