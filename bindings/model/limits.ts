/**
 * Records have only offsets below this. Up to 2^53, the limit of exact doubles, there is room for the markers of
 * transactions that are open then and for the ceilings of an unclean end (durability rule 5).
 */
export const OFFSETS_MAX: number = 2 ** 53 - 1_000_000

/**
 * Most partitions of a topic. Kafka's bound is that of an int32. This one keeps a typing error from filling the disk
 * with directories.
 */
export const PARTITIONS_MAX = 100_000

/**
 * No batch is larger, whatever its length field says: this bounds the memory that a damaged one can ask for. So none may
 * be written that is.
 */
export const BATCH_BYTES_MAX: number = 128 * 1024 * 1024

/** Longest time between two polls of a group's member: it is an int32 in Kafka's format. */
export const POLL_INTERVAL_MS_MAX = 0x7fffffff

/** Kafka's transaction.max.timeout.ms. */
export const TRANSACTION_TIMEOUT_MS_MAX = 900_000
