/**
 * The kernel's ABI: numbers only. Addresses and sizes are unsigned 32-bit, 64-bit values come as f64 (exact to 2^53).
 * bindings/kernel/exports.ts declares the same list for TypeScript.
 */
import { batch_close } from './batch-writer'
import { crc_start } from './crc32c'
import { KEY_HASHES, KEY_STAGING, RECORD_ENDS, RECORD_TABLE, VALUE_STAGING } from './layout'
import { pages_start } from './pages'

export { batch_fault, batch_shape, batches_intact, records_begin, records_fill, records_hash } from './batch-reader'
export {
  batch_begin,
  batch_close,
  batch_mark,
  batch_max_timestamp,
  batch_record_count,
  batch_restore,
  batch_seal,
  batch_size,
  packed_reserve,
  packed_write,
  record_reserve,
  record_reserve_any,
  records_put,
} from './batch-writer'
export { crc32c } from './crc32c'
export {
  offset_index_append,
  offset_index_ascends,
  offset_index_last,
  offset_index_lookup,
  offset_index_summarize,
  time_index_append,
  time_index_ascends,
  time_index_last_offset,
  time_index_last_timestamp,
  time_index_lookup,
} from './indexes'
export { block_allocate, block_free, block_size, pages_fail, pages_reserved, pages_used } from './pages'
export {
  producer_check,
  producer_is_known,
  producer_push,
  producer_remove,
  producer_reset,
  producer_slot,
  producer_window,
  producers_clear,
  producers_move,
} from './producers'

export { siphash, siphash_key } from './siphash'
export { varint_write } from './varints'

/** False when `capPages` is too small to work in. */
export function kernel_start(capPages: u32): bool {
  // Static data of the compiler lies below the first fixed place (layout.ts).
  if (__heap_base > 0x1000) unreachable()
  if (!pages_start(capPages)) return false
  batch_close()
  crc_start()
  return true
}

export function key_staging(): usize {
  return KEY_STAGING
}

export function value_staging(): usize {
  return VALUE_STAGING
}

export function record_table(): usize {
  return RECORD_TABLE
}

export function record_ends(): usize {
  return RECORD_ENDS
}

export function key_hashes(): usize {
  return KEY_HASHES
}

export function bytes_copy(to: usize, from: usize, length: u32): void {
  memory.copy(to, from, length)
}
