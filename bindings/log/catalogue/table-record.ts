import type { DecodedBatch } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'

/**
 * A record of one of the log's own topics (catalogue, committed offsets) between a table and the engine: what `plan...`
 * returns to be appended, and what `apply` takes, then and at the next open. An EncodedRecord, with bytes only.
 */
export interface TableRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
  /** Milliseconds since 1970; `undefined` takes the log's clock at the append. */
  readonly timestamp: number | undefined
}

/** Where a record was read. It goes into the details of an error about the record, whose content never does. */
export interface TableRecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly file?: string | undefined
  readonly position?: number | undefined
}

export function describePlace(place: TableRecordPlace): string {
  return `${place.topic}-${place.partition} at offset ${place.offset}`
}

type RecordsOfBatch = Pick<DecodedBatch, 'recordCount' | 'keyOf' | 'valueOf' | 'headersOf' | 'timestampOf' | 'offsetOf'>

/** Hands each record of a batch that was read from a table's topic to `apply`, in offset order. */
export function applyBatch(
  batch: RecordsOfBatch,
  { topic, partition }: Pick<TableRecordPlace, 'topic' | 'partition'>,
  apply: (record: TableRecord, place: TableRecordPlace) => void,
): void {
  for (let index = 0; index < batch.recordCount; index++) {
    const record = {
      key: batch.keyOf(index),
      value: batch.valueOf(index),
      headers: batch.headersOf(index),
      timestamp: batch.timestampOf(index),
    }
    apply(record, { topic, partition, offset: batch.offsetOf(index) })
  }
}

/** The decoder says what is wrong with a record; its caller knows where the batch lies. */
export function locatedError(
  error: unknown,
  where: { readonly file: string; readonly position: number } | undefined,
): unknown {
  if (where === undefined || !LogError.is(error, 'CORRUPT_LOG', 'INTEGER_RANGE')) return error
  const { code, message, details } = error
  return new LogError(code, `${message} (${where.file} at ${where.position})`, { ...details, ...where }, error)
}
