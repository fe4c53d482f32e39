import '../../model/disposable.ts'
import type { OptionNames } from '../options.ts'
import type { ProducerRecord, RecordMetadata } from '../producer-record.ts'
import type { Abortable } from '../signals.ts'
import type { Compression } from './producer-options.ts'

/** What one `send` asks for. */
export interface SendOptions extends Abortable {
  /** Compression of this call's batches, instead of the producer's. `compression.type` of the topic overrides both. */
  compression?: Compression | undefined
}

export const SEND_NAMES: OptionNames<SendOptions> = { signal: true, compression: true }

/** Something that takes records. */
export interface Sender {
  /**
   * Writes one record or several. Resolves with where each of them stands, once they have reached the producer's
   * `acks`.
   *
   * Records of one array that go to the same partition are one batch, written together or not at all; they are split
   * only where they exceed `max.message.bytes` of their topic. A batch may also hold what other calls of the same turn
   * send, even of other producers. Calls keep their order per partition, awaited or not. Bytes aren't copied: leave
   * them as they are until the call settles. It waits while `bufferBytes` are unanswered.
   *
   * Rejects before anything of the call is written with INVALID_RECORD, INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION,
   * INVALID_TOPIC_EXCEPTION (a topic of the log's own), MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE,
   * UNSUPPORTED_COMPRESSION_TYPE or PRODUCER_CLOSED, or with what a partitioner threw; with INVALID_TIMESTAMP,
   * LOG_READ_ONLY or LOG_CLOSED when it is refused later; with PARTIAL_SEND when an array was written in part
   * (`details.results` has `{ metadata }` or `{ error }` for each record). After STORAGE_FULL, MEMORY_CAP_REACHED,
   * NETWORK_EXCEPTION, KAFKA_STORAGE_ERROR and KERNEL_POISONED the records may be written or not. Rejects with the
   * signal's reason, and writes nothing, when the signal aborts before the records are buffered.
   */
  send<const R extends ProducerRecord | readonly ProducerRecord[]>(
    records: R,
    options?: SendOptions,
  ): Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata>
}

/**
 * Writes records. Every producer is idempotent, whatever its `acks`: each call of `send` that resolved has written its
 * records exactly once (KIP-98). Differs from Kafka: there `acks: 1` turns idempotence off.
 */
export interface Producer extends Sender, AsyncDisposable {
  /**
   * Sends at once what still waits for `lingerMs`. Resolves when every record that was sent before has reached the
   * producer's `acks`; rejects with the error of the first one that failed, which its `send` reports too, or with the
   * signal's reason. Of a closed producer it resolves, as in Kafka: `close` waited for all that was sent.
   */
  flush(options?: Abortable): Promise<void>
  /**
   * Flushes, then ends the producer. Rejects as `flush` does, and with NETWORK_EXCEPTION once the process that holds
   * the log gives no sign of life for 5 s: then what was sent settles when that one goes on, or when the log is closed.
   * The producer is closed even then. A second call settles as the first one.
   */
  close(): Promise<void>
}
