import type { AppendResult } from '../../broker/broker.ts'
import { LogError } from '../../model/errors.ts'
import type { RecordMetadata } from '../producer-record.ts'
import type { PendingBatch } from './pending-batch.ts'
import type { CheckedRecord } from './validate-record.ts'

/** The part of one `send` that went into one batch. */
export interface Placed {
  readonly topic: string
  readonly partition: number
  readonly batch: PendingBatch
  /** Place of the part's first record in the batch. */
  readonly firstIndex: number
  /** Places of its records in the call; `undefined` where it is the whole call. */
  readonly indexes: readonly number[] | undefined
  /** The batch may have taken over the list: only the first `count` of it are of this part. */
  readonly records: readonly CheckedRecord[]
  readonly count: number
}

/** One promise for the call: all metadata in its order, or one error that says what was written. */
export function settleSend(placed: readonly Placed[], count: number): Promise<readonly RecordMetadata[]> {
  const only = placed[0]
  if (only === undefined) return Promise.resolve([])
  if (placed.length === 1) {
    return only.batch.answered.then((result) => fill(new Array<RecordMetadata>(count), only, result))
  }
  return Promise.allSettled(placed.map(({ batch }) => batch.answered)).then((settled) => {
    const failed = settled.find((each) => each.status === 'rejected')
    const metadata = new Array<RecordMetadata>(count)
    settled.forEach((each, index) => {
      const part = placed[index]
      if (part !== undefined && each.status === 'fulfilled') fill(metadata, part, each.value)
    })
    if (failed === undefined) return metadata
    throw settled.every((each) => each.status === 'rejected') ? failed.reason : partial(placed, settled, metadata)
  })
}

/** Why not all of a `send` was written. In a transaction it makes no difference that some of it was. */
export function wholeFailure(error: unknown): unknown {
  if (!LogError.is(error, 'PARTIAL_SEND')) return error
  const results = error.details['results'] as readonly { readonly error?: unknown }[]
  return results.find((each) => each.error !== undefined)?.error ?? error
}

function fill(
  metadata: RecordMetadata[],
  placed: Placed,
  { baseOffset, appendTime, isLogAppendTime }: AppendResult,
): RecordMetadata[] {
  const { topic, partition, firstIndex, indexes, records, count } = placed
  const firstOffset = baseOffset < 0 ? -1 : baseOffset + firstIndex
  for (let at = 0; at < count; at++) {
    const offset = firstOffset < 0 ? -1 : firstOffset + at
    const timestamp = isLogAppendTime ? appendTime : (records[at]?.timestamp ?? appendTime)
    metadata[indexes?.[at] ?? at] = { topic, partition, offset, timestamp }
  }
  return metadata
}

function partial(
  placed: readonly Placed[],
  settled: readonly PromiseSettledResult<AppendResult>[],
  metadata: readonly RecordMetadata[],
): LogError {
  const results = Array.from(metadata, (each) => (each === undefined ? undefined : { metadata: each })) as unknown[]
  let written = 0
  settled.forEach((each, index) => {
    const part = placed[index]
    if (part === undefined) return
    if (each.status === 'fulfilled') written += part.count
    else for (let at = 0; at < part.count; at++) results[part.indexes?.[at] ?? at] = { error: each.reason as unknown }
  })
  const message = `${written} of ${metadata.length} records were written; details.results says which`
  return new LogError('PARTIAL_SEND', message, { results, written })
}
