import { parsePartitionDirectory } from '../files/file-names.ts'

/** Names in the directory of a Kafka broker. Source: Kafka's UnifiedLog, LocalLog and LogManager (kafka.md 2.1). */

/** Written last by a clean shutdown, removed first by the next start: without it Kafka recovers. */
export const CLEAN_SHUTDOWN = '.kafka_cleanshutdown'
export const RECOVERY_POINTS = 'recovery-point-offset-checkpoint'
export const LOG_STARTS = 'log-start-offset-checkpoint'
export const HIGH_WATERMARKS = 'replication-offset-checkpoint'

/** The controllers' own log: topics with their ids and configs. */
export const CLUSTER_METADATA_TOPIC = '__cluster_metadata'

const PASSING = /^.+-\d+\.[0-9a-f]{32}-(delete|future|stray)$/

export type RootName =
  | { readonly kind: 'partition'; readonly topic: string; readonly partition: number }
  | { readonly kind: 'delete' | 'future' | 'stray' | 'other' }

/** What an entry of the broker's directory stands for. */
export function classifyRootName(name: string): RootName {
  const partition = parsePartitionDirectory(name)
  if (partition !== undefined) return { kind: 'partition', ...partition }
  const kind = PASSING.exec(name)?.[1]
  return { kind: kind === 'delete' || kind === 'future' || kind === 'stray' ? kind : 'other' }
}

export type SegmentState = 'settled' | 'deleted' | 'cleaned' | 'swap'

/** A file of a segment, of any kind: its name begins with the base offset in 20 digits. */
export interface KafkaSegmentFile {
  readonly name: string
  readonly baseOffset: number
  readonly isLog: boolean
  readonly state: SegmentState
}

const SEGMENT_FILE = /^(\d{20})\.(log|index|timeindex|txnindex)(?:\.(deleted|cleaned|swap))?$/

/** `undefined` for any other name. The offset may be above 2^53: the reader of the file refuses it. */
export function parseKafkaSegmentFile(name: string): KafkaSegmentFile | undefined {
  const match = SEGMENT_FILE.exec(name)
  if (match === null) return undefined
  const state = (match[3] ?? 'settled') as SegmentState
  return { name, baseOffset: Number(match[1]), isLog: match[2] === 'log', state }
}
