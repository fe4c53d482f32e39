/**
 * The fixed places of linear memory, below everything that is allocated. At PAGE_TABLE follows one entry for each page
 * of the cap, then, from the next page boundary on, the arena.
 *
 *   0x00000  what the compiler may place (checked by memory_start)
 *   0x01000  16 KiB   CRC slicing tables
 *   0x05000  21.7 KB  CRC folding window: 5280 bytes of history, then a chunk of 16 KiB
 *   0x0A800  5.3 KB   CRC rests
 *   0x0C000  512 B    heads of the allocator's lists
 *   0x0D000  4 KiB    ends of the record table's records
 *   0x10000  32 KiB   record table, one filling
 *   0x18000  16 KiB   staging of a string key
 *   0x1C000  16 KiB   hashes of the record table's keys
 *   0x20000  64 KiB   staging of a string value, or of foreign bytes for the CRC
 */
export const PAGE_BYTES: usize = 0x10000
export const CRC_TABLES: usize = 0x1000
export const CRC_WINDOW: usize = 0x5000
export const CRC_LONG_REST: usize = 0xa800
export const CRC_SHORT_REST: usize = 0xbe00
export const RUN_BINS: usize = 0xc000
export const SLAB_HEADS: usize = 0xc100
export const SLAB_HEADS_END: usize = 0xc200
export const RECORD_ENDS: usize = 0xd000
export const RECORD_TABLE: usize = 0x10000
export const KEY_STAGING: usize = 0x18000
export const KEY_HASHES: usize = 0x1c000
export const VALUE_STAGING: usize = 0x20000
export const PAGE_TABLE: usize = 0x30000
