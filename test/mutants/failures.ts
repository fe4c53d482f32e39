import type { Mutant } from './mutant.ts'

const failed = 'log/store/failed-flush.test.ts'

/** Of rule 10 in docs/durability.md: what failed for good ends the log, and ends it everywhere. */
export const FAILURES: readonly Mutant[] = [
  {
    name: 'failures: a log that failed answers calls all the same',
    file: 'engine/engine.ts',
    find: '    this.#closed = failure\n',
    put: '',
    tests: [failed],
  },
  {
    name: 'failures: a write or flush that failed is an error like others',
    file: 'engine/final-error.ts',
    find: "!HARMLESS.includes(error.details['operation'])",
    put: "HARMLESS.includes(error.details['operation'])",
    tests: [failed],
  },
  {
    name: 'failures: what could not be read ends the log',
    file: 'engine/final-error.ts',
    find: " && !HARMLESS.includes(error.details['operation'])",
    put: '',
    tests: [failed],
  },
  {
    name: 'failures: the store forgets that a flush failed',
    file: 'log/store/availability.ts',
    find: "    this.#failure ??= LogError.is(error, 'KAFKA_STORAGE_ERROR', 'KERNEL_POISONED') ? error : storageFailed(error)\n    return this.#failure\n",
    put: "    return LogError.is(error, 'KAFKA_STORAGE_ERROR', 'KERNEL_POISONED') ? error : storageFailed(error)\n",
    tests: [failed],
  },
]
