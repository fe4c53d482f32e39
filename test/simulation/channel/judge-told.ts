import type { ErrorCode } from '../../../bindings/model/error-table.ts'
import type { Happening, Kind, Plan } from './plan.ts'
import { RECOVERY_REPORT } from './world.ts'

/** What programs of a story have to reckon with, whatever happens to processes and connections. */
const EXPECTED: Readonly<Record<Kind, readonly ErrorCode[]>> = {
  producers: [],
  transactions: ['TRANSACTION_ABORTABLE', 'PRODUCER_FENCED'],
  groups: ['TRANSACTION_ABORTABLE', 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'],
  retention: ['OFFSET_OUT_OF_RANGE'],
  compaction: ['TRANSACTION_ABORTABLE', 'PRODUCER_FENCED', 'OFFSET_OUT_OF_RANGE'],
  shares: ['INVALID_RECORD_STATE'],
  // Its handler throws it.
  states: ['RECORD_SERIALIZATION'],
  ingest: ['PRODUCER_FENCED'],
  damaged: [],
}

/** And where a disk fails or is full: what the log itself ends with, and who hears of that from afar. */
const OF_STORAGE: readonly ErrorCode[] = [
  ...(['KAFKA_STORAGE_ERROR', 'STORAGE_FULL', 'PARTIAL_SEND'] as const),
  ...(['LOG_CLOSED', 'NETWORK_EXCEPTION'] as const),
]
const STORAGE: readonly Happening[] = ['failing operation', 'failing flush', 'full disk']

/** Only where the device lies; the log ends where it lies about the journal. */
const OF_DAMAGE: readonly string[] = ['CORRUPT_MESSAGE', 'CORRUPT_LOG', 'LOG_READ_ONLY', RECOVERY_REPORT, ...OF_STORAGE]

/** Errors for which nothing in the run gave a reason: who tries again gets over them, and sees nothing wrong. */
export function judgeTold(
  { kind, settings }: Plan,
  told: ReadonlyMap<string, number>,
  happened: ReadonlyMap<Happening, number>,
): string[] {
  const isStorage = STORAGE.some((what) => happened.has(what))
  const expected = new Set<string>([
    ...EXPECTED[kind],
    // A producer whose id was given up for another one: its epochs were at their end, and a newer instance went on.
    ...(settings.epochsLeft === undefined ? [] : ['INVALID_PRODUCER_ID_MAPPING']),
    ...(isStorage ? OF_STORAGE : []),
    ...(kind === 'damaged' ? OF_DAMAGE : []),
  ])
  return [...told]
    .filter(([code]) => !expected.has(code))
    .map(([code, count]) => `${code} was told ${count} times, and nothing in the run is a reason for it`)
}
