import type { Mutant } from '../mutant.ts'
import { CHECKSUMS } from './checksums.ts'
import { MEMORY } from './memory.ts'
import { READING } from './reading.ts'
import { TABLES } from './tables.ts'
import { WRITING } from './writing.ts'

/** Faults of the WebAssembly kernel: each is compiled. */
export const KERNEL: readonly Mutant[] = [...CHECKSUMS, ...READING, ...WRITING, ...TABLES, ...MEMORY]
