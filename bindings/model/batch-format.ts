/**
 * The outer shape of a record batch (kafka.md 1.1), for code that lays out or walks batches in plain JavaScript. All
 * its fields are listed in `storage/batch-fields.ts`.
 */

/** Bytes before the first record. */
export const BATCH_HEADER_BYTES = 61
/** Where the int32 stands that says how long the batch is. */
export const BATCH_LENGTH_AT = 8
/** Bytes that this length doesn't count: baseOffset and the length itself. */
export const LOG_OVERHEAD_BYTES = 12
