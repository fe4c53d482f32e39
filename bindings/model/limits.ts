/** Kafka's transaction.max.timeout.ms. */
export const TRANSACTION_TIMEOUT_MS_MAX = 900_000
