import { LogError } from '../../model/errors.ts'
import type { RecordMetadata } from '../producer-record.ts'
import type { SendPart } from './send-part.ts'

/** One promise for the call: all metadata in its order, or one error that says what was written. */
export function settleSend(parts: readonly SendPart[], count: number): Promise<readonly RecordMetadata[]> {
  const only = parts[0]
  if (only === undefined) return Promise.resolve([])
  if (parts.length === 1) return only.answered
  return Promise.allSettled(parts.map(({ answered }) => answered)).then((settled) => {
    const metadata = new Array<RecordMetadata>(count)
    settled.forEach((each, index) => {
      const part = parts[index]
      if (part === undefined || each.status === 'rejected') return
      each.value.forEach((of, at) => {
        metadata[part.indexes?.[at] ?? at] = of
      })
    })
    const failed = settled.find((each) => each.status === 'rejected')
    if (failed === undefined) return metadata
    throw settled.every((each) => each.status === 'rejected') ? failed.reason : partial(parts, settled, metadata)
  })
}

/** Why not all of a `send` was written. In a transaction it makes no difference that some of it was. */
export function wholeFailure(error: unknown): unknown {
  if (!LogError.is(error, 'PARTIAL_SEND')) return error
  const results = error.details['results'] as readonly { readonly error?: unknown }[]
  return results.find((each) => each.error !== undefined)?.error ?? error
}

function partial(
  parts: readonly SendPart[],
  settled: readonly PromiseSettledResult<readonly RecordMetadata[]>[],
  metadata: readonly RecordMetadata[],
): LogError {
  const results = Array.from(metadata, (each) => (each === undefined ? undefined : { metadata: each })) as unknown[]
  let written = 0
  settled.forEach((each, index) => {
    const part = parts[index]
    if (part === undefined) return
    if (each.status === 'fulfilled') written += part.count
    else for (let at = 0; at < part.count; at++) results[part.indexes?.[at] ?? at] = { error: each.reason as unknown }
  })
  const message = `${written} of ${metadata.length} records were written; details.results says which`
  return new LogError('PARTIAL_SEND', message, { results, written })
}
