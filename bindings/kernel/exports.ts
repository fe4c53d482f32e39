/** What assembly/index.ts exports, in its order of files; addresses arrive as signed numbers and need `>>> 0`. */
export interface KernelExports {
  readonly memory: WebAssembly.Memory
  kernel_start(capPages: number): number
  key_staging(): number
  value_staging(): number
  record_table(): number
  record_ends(): number
  key_hashes(): number
  bytes_copy(to: number, from: number, length: number): void

  block_allocate(size: number): number
  block_free(address: number): void
  block_size(size: number): number
  pages_fail(allocation: number): void
  pages_reserved(): number
  pages_used(): number

  crc32c(before: number, address: number, length: number): number

  batch_begin(address: number, limit: number): void
  batch_close(): void
  batch_mark(): void
  batch_max_timestamp(): number
  batch_record_count(): number
  batch_restore(): void
  batch_seal(
    baseOffset: number,
    leaderEpoch: number,
    producerId: number,
    producerEpoch: number,
    baseSequence: number,
    attributes: number,
  ): number
  batch_size(): number
  records_put(length: number, records: number, base: number, greatest: number): number
  packed_reserve(records: number, payloadBytes: number, timestamp: number): number
  packed_write(records: number, place: number, timestamp: number): void
  record_reserve(keyLength: number, valueLength: number, timestamp: number): number
  record_reserve_any(
    keyLength: number,
    valueLength: number,
    timestamp: number,
    headersBytes: number,
    staged: number,
  ): number
  varint_write(address: number, value: number): number

  batch_fault(address: number, available: number): number
  batch_shape(address: number, available: number): number
  batches_intact(address: number, available: number, expectedOffset: number): number
  records_begin(address: number): void
  records_fill(): number
  records_hash(rows: number): void

  offset_index_append(entry: number, relativeOffset: number, position: number): void
  offset_index_ascends(entries: number, count: number): number
  offset_index_last(entries: number, count: number): number
  offset_index_lookup(entries: number, count: number, summary: number, target: number): number
  offset_index_summarize(entries: number, summary: number, from: number, to: number): void
  time_index_append(entry: number, timestamp: number, relativeOffset: number): void
  time_index_ascends(entries: number, count: number): number
  time_index_last_offset(entries: number, count: number): number
  time_index_last_timestamp(entries: number, count: number): number
  time_index_lookup(entries: number, count: number, timestamp: number): number

  producer_check(
    table: number,
    slots: number,
    producerId: number,
    epoch: number,
    first: number,
    records: number,
  ): number
  producer_is_known(table: number, slots: number, producerId: number): number
  producer_push(
    table: number,
    slots: number,
    producers: number,
    producerId: number,
    epoch: number,
    first: number,
    records: number,
    baseOffset: number,
    timestamp: number,
  ): number
  producer_remove(table: number, slots: number, producers: number, producerId: number): number
  producer_reset(
    table: number,
    slots: number,
    producers: number,
    producerId: number,
    epoch: number,
    coordinatorEpoch: number,
    transactionFirstOffset: number,
    markerTimestamp: number,
  ): number
  producer_slot(table: number, slots: number, number: number): number
  producer_window(table: number, slots: number, number: number): number
  producers_clear(table: number, slots: number): void
  producers_move(from: number, fromSlots: number, producers: number, to: number, toSlots: number): void

  siphash(address: number, length: number, into: number): void
  siphash_key(low0: number, high0: number, low1: number, high1: number): void
}
