import type { Mutant } from '../mutant.ts'
import { CHECKSUMS } from './checksums.ts'
import { MEMORY } from './memory.ts'
import { READING } from './reading.ts'
import { TABLES } from './tables.ts'
import { WRITING } from './writing.ts'

/**
 * Faults of the WebAssembly kernel: each is compiled. These are no faults, as nothing can tell them from the original:
 * - the last taps of the CRC's folding window: after the bytes there are zeros, and a CRC takes nothing from zeros;
 * - the loop over headers goes on after a failed read: every later read fails too, and the walk ends in `bad-count` as
 *   before;
 * - lengths below -1 are left as they are in the record table: the bindings take every negative length for null;
 * - the delta that `batch_restore` leaves: between mark and restore the bindings write one timestamp.
 */
export const KERNEL: readonly Mutant[] = [...CHECKSUMS, ...READING, ...WRITING, ...TABLES, ...MEMORY]
