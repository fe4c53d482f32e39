import { assertOptions, type OptionNames, wrongOption } from './options.ts'

/** How much comes in one batch. */
export interface BatchOptions {
  /**
   * Most records in a batch, 1 or more. By default 500 for a consumer (Kafka's max.poll.records) and 8192 for a reader.
   */
  maxRecords?: number | undefined
  /**
   * About how many bytes come in a batch, 1 or more: 1048576 by default for a consumer, 262144 for a reader. What the
   * log stored as one batch is fetched whole, even if it is larger.
   */
  maxBytes?: number | undefined
}

/** How batches of a reader come. */
export interface ReadBatchOptions extends BatchOptions {
  /**
   * The batch lies in memory that the reader uses again, which is the quickest way through large values: the batch and
   * its records are valid until the next batch is asked for or the iteration ends. After that, iterating the batch and
   * reading timestamps, headers, or keys and values that weren't read before throws INVALID_REQUEST, and bytes that
   * were read before hold something else. Text, JSON and whatever else a codec made stay valid. `false` by default.
   */
  borrowed?: boolean | undefined
}

/**
 * The options with their defaults filled in. Throws INVALID_REQUEST for wrong values, and for options other than
 * `names`.
 */
export function batchLimits<O extends BatchOptions>(
  options: O,
  names: OptionNames<O>,
  defaults: Required<BatchOptions>,
): { maxRecords: number; maxBytes: number } {
  assertOptions(options, names, 'batches')
  const { maxRecords = defaults.maxRecords ?? 1, maxBytes = defaults.maxBytes ?? 1 } = options
  for (const [option, value] of Object.entries({ maxRecords, maxBytes })) {
    if (!Number.isSafeInteger(value) || value <= 0) throw wrongOption(option, 'a whole number above 0')
  }
  return { maxRecords, maxBytes }
}

export function isBorrowed({ borrowed = false }: ReadBatchOptions): boolean {
  if (typeof borrowed !== 'boolean') throw wrongOption('borrowed', 'true or false')
  return borrowed
}
