import { LogError } from '../model/errors.ts'
import { assertOptions, type OptionNames } from './options.ts'

/** How much comes in one batch. */
export interface BatchOptions {
  /** Records at most. */
  maxRecords?: number | undefined
  /** Soft limit: what the log stored as one batch is fetched whole. */
  maxBytes?: number | undefined
}

/** How batches of a reader come. */
export interface ReadBatchOptions extends BatchOptions {
  /**
   * Bytes lie in memory that the reader uses again, which is the quickest way through large values: a batch and its records
   * are valid until the next batch is asked for or the iteration ends. After that keys, values and headers that weren't
   * looked at throw INVALID_REQUEST, and bytes that were hold something else; text, JSON and what else a codec made stays.
   * `false` by default.
   */
  borrowed?: boolean | undefined
}

/** The options with what they leave out; INVALID_REQUEST for wrong ones, and for others than `names`. */
export function batchLimits<O extends BatchOptions>(
  options: O,
  names: OptionNames<O>,
  defaults: Required<BatchOptions>,
): { maxRecords: number; maxBytes: number } {
  assertOptions(options, names, 'batches')
  const { maxRecords = defaults.maxRecords ?? 1, maxBytes = defaults.maxBytes ?? 1 } = options
  for (const [option, value] of Object.entries({ maxRecords, maxBytes })) {
    if (!Number.isSafeInteger(value) || value <= 0) throw wrong(option, 'a whole number above 0')
  }
  return { maxRecords, maxBytes }
}

export function isBorrowed({ borrowed = false }: ReadBatchOptions): boolean {
  if (typeof borrowed !== 'boolean') throw wrong('borrowed', 'true or false')
  return borrowed
}

function wrong(option: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${option} must be ${expected}`, { option })
}
