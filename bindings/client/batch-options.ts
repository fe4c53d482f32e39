import { LogError } from '../model/errors.ts'

/** How much comes in one batch. */
export interface BatchOptions {
  /** Records at most. */
  maxRecords?: number | undefined
  /** Soft limit: what the log stored as one batch is fetched whole. */
  maxBytes?: number | undefined
}

/** The options with what they leave out; INVALID_REQUEST for wrong ones. */
export function batchLimits(
  options: BatchOptions,
  defaults: Required<BatchOptions>,
): { maxRecords: number; maxBytes: number } {
  if (typeof options !== 'object' || options === null) throw wrong('options', 'an object')
  const { maxRecords = defaults.maxRecords ?? 1, maxBytes = defaults.maxBytes ?? 1 } = options
  for (const [option, value] of Object.entries({ maxRecords, maxBytes })) {
    if (!Number.isSafeInteger(value) || value <= 0) throw wrong(option, 'a whole number above 0')
  }
  return { maxRecords, maxBytes }
}

function wrong(option: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${option} must be ${expected}`, { option })
}
