/**
 * What a program can do about an error:
 * - `retriable`: the same call may succeed later;
 * - `abortable`: abort the transaction, then go on;
 * - `fenced`: this producer or consumer is finished, a new one may start;
 * - `rejoin`: the group moved on, the consumer joins again;
 * - `fatal`: close the log;
 * - `corruption`: stored bytes are damaged, the details say where;
 * - `misuse`: the call is wrong, mend the program.
 */
export type ErrorCategory = 'retriable' | 'abortable' | 'fenced' | 'rejoin' | 'fatal' | 'corruption' | 'misuse'

export type ErrorRow = readonly [category: ErrorCategory, kafkaCode: number | undefined, hint: string]

/**
 * Every error of the package: category, Kafka's number where Kafka has this error, and the next step. docs/errors.md
 * has a heading for each; a test compares the two.
 */
export const ERRORS = {
  // Kafka's names
  UNKNOWN_SERVER_ERROR: ['fatal', -1, 'This is a fault of the log: report it with what the message says.'],
  OFFSET_OUT_OF_RANGE: ['misuse', 1, 'Seek to an offset within the valid range that the details name.'],
  CORRUPT_MESSAGE: [
    'corruption',
    2,
    'Run `oncelog verify`, then `oncelog salvage` to copy what is intact, unless the message names another way; the details name file and position.',
  ],
  UNKNOWN_TOPIC_OR_PARTITION: ['misuse', 3, 'Create the topic first, or check name and partition number.'],
  MESSAGE_TOO_LARGE: ['misuse', 10, 'Send smaller records or raise max.message.bytes of the topic.'],
  NETWORK_EXCEPTION: ['retriable', 13, 'The outcome is unknown: look whether it was done, then ask again.'],
  OFFSET_METADATA_TOO_LARGE: ['misuse', 12, 'Keep the metadata of a committed offset within 4096 bytes.'],
  INVALID_TOPIC_EXCEPTION: [
    'misuse',
    17,
    'Topic names are 1 to 249 characters of a-z A-Z 0-9 . _ -, not "." or "..". Those that begin with "__" are the log\'s own.',
  ],
  RECORD_LIST_TOO_LARGE: ['misuse', 18, 'Send smaller batches or transactions, or raise segment.bytes of the topic.'],
  INVALID_REQUIRED_ACKS: ['misuse', 21, "Use acks 1 or 'all'."],
  ILLEGAL_GENERATION: ['rejoin', 22, 'The group has a newer generation: let the consumer join again.'],
  INCONSISTENT_GROUP_PROTOCOL: ['misuse', 23, 'Give all members of the group the same assignor.'],
  INVALID_GROUP_ID: ['misuse', 24, 'Name the group with a string of 1 to 32767 bytes, without half a surrogate pair.'],
  UNKNOWN_MEMBER_ID: ['rejoin', 25, 'This member is out of the group: go on iterating, the consumer joins again.'],
  REBALANCE_IN_PROGRESS: [
    'rejoin',
    27,
    'The group is between two generations: commit again, the consumer joins by itself.',
  ],
  INVALID_TIMESTAMP: ['misuse', 32, 'Use a timestamp within the limits of the topic, in milliseconds since 1970.'],
  UNSUPPORTED_VERSION: [
    'fatal',
    35,
    'Use the version of oncelog that wrote the directory, or a newer one, and the same one in all processes.',
  ],
  TOPIC_ALREADY_EXISTS: ['misuse', 36, 'Use the existing topic or choose another name.'],
  INVALID_PARTITIONS: [
    'misuse',
    37,
    'Ask for a whole number of partitions above 0; of a topic that is there, above the present one.',
  ],
  INVALID_CONFIG: ['misuse', 40, 'Use the config keys and ranges that the details name.'],
  INVALID_REQUEST: ['misuse', 42, 'Mend the argument that the details name.'],
  UNSUPPORTED_FOR_MESSAGE_FORMAT: [
    'misuse',
    43,
    'Leave it out, or let a Kafka of today write it anew; the details name file and position.',
  ],
  POLICY_VIOLATION: ['misuse', 44, 'Set cleanup.policy of the topic to delete or compact,delete first.'],
  OUT_OF_ORDER_SEQUENCE_NUMBER: [
    'fenced',
    45,
    'Batches of this producer are missing before this one: open a new producer.',
  ],
  INVALID_PRODUCER_EPOCH: ['fenced', 47, 'A newer instance of this producer exists: stop this one.'],
  INVALID_TXN_STATE: ['misuse', 48, 'Begin a transaction, end it once, and send in it only before that.'],
  INVALID_PRODUCER_ID_MAPPING: ['fenced', 49, 'Open a new producer, unless a newer one has the transactional id.'],
  INVALID_TRANSACTION_TIMEOUT: ['misuse', 50, 'Use a transactionTimeoutMs from 1 to 900000.'],
  CONCURRENT_TRANSACTIONS: ['retriable', 51, 'The decision before is on its way: ask again.'],
  KAFKA_STORAGE_ERROR: ['fatal', 56, 'The storage failed: close the log, mend what the message names, open again.'],
  NON_EMPTY_GROUP: ['misuse', 68, 'Close the consumers of the group first.'],
  GROUP_ID_NOT_FOUND: ['misuse', 69, 'Check the name of the group.'],
  UNSUPPORTED_COMPRESSION_TYPE: [
    'misuse',
    76,
    'Use a compression that this runtime has; the details name the missing one.',
  ],
  INVALID_RECORD: ['misuse', 87, 'Mend the record that the details name.'],
  PRODUCER_FENCED: ['fenced', 90, 'A newer producer has this transactional id: stop this one.'],
  UNKNOWN_TOPIC_ID: ['misuse', 100, 'The topic was deleted since: look it up by name again.'],
  TRANSACTIONAL_ID_NOT_FOUND: ['misuse', 105, 'Check the transactional id; `oncelog transactions` lists them.'],
  INVALID_RECORD_STATE: ['abortable', 121, 'Its lock ended: leave the record to the consumer that gets it next.'],
  TRANSACTION_ABORTABLE: ['abortable', 120, 'Abort the transaction, then run it again.'],
  // oncelog's own
  LOG_CLOSED: ['misuse', undefined, 'Open the log again.'],
  DIRECTORY_IN_USE: ['misuse', undefined, 'Close the other holder; the details name its process, host and start.'],
  LOCK_UNSUPPORTED: ['misuse', undefined, 'Open the log where it can be locked; the message says what is missing.'],
  STORAGE_FULL: ['retriable', undefined, 'Free space on the device or delete topics, then call again.'],
  LOG_READ_ONLY: [
    'corruption',
    undefined,
    'Run `oncelog verify`, or read `log.recovery`, to see what is damaged; `oncelog salvage` copies what is intact into a new directory.',
  ],
  CORRUPT_LOG: [
    'corruption',
    undefined,
    'Run `oncelog verify`, then `oncelog salvage` to copy what is intact, unless the message names another way; the details name file and position.',
  ],
  COPY_UNFINISHED: ['misuse', undefined, 'Remove the directory, and make the copy again.'],
  DURABILITY_UNAVAILABLE: ['misuse', undefined, 'Ask for a weaker durability or open a directory that gives this one.'],
  MEMORY_CAP_REACHED: ['retriable', undefined, 'Wait for sends to be acknowledged, or raise the memory cap.'],
  KERNEL_UNAVAILABLE: ['misuse', undefined, 'Run the program as the message says, so that it has WebAssembly.'],
  KERNEL_POISONED: ['fatal', undefined, 'Close the log and open it again.'],
  PARTIAL_SEND: ['misuse', undefined, 'Look at `results` of the details: it says which records were written.'],
  PRODUCER_CLOSED: ['misuse', undefined, 'Open a new producer.'],
  CONSUMER_CLOSED: ['misuse', undefined, 'Open a new consumer.'],
  CONSUMER_BUSY: ['misuse', undefined, 'Run one iteration of a consumer at a time.'],
  UNFINISHED_RECORDS: ['misuse', undefined, 'Commit the record or batch you finished, or pass { allowSkip: true }.'],
  NO_OFFSET: [
    'misuse',
    undefined,
    'Set one with admin.setOffsets or `oncelog groups reset`, or choose another autoOffsetReset.',
  ],
  RECORD_SERIALIZATION: ['misuse', undefined, 'Mend the value so that the codec of the topic accepts it.'],
  RECORD_DESERIALIZATION: ['corruption', undefined, 'Read the record as bytes, or mend the codec of the topic.'],
  SCHEMA_ASYNC: ['misuse', undefined, 'Use a schema that validates synchronously.'],
  INTEGER_RANGE: [
    'corruption',
    undefined,
    'A stored 64-bit field lies beyond 2^53; read the record with another tool.',
  ],
} as const

/** The code of an error that the log's own calls reject with; docs/errors.md has a heading for each. */
export type ErrorCode = keyof typeof ERRORS
