import type { Mutant } from '../mutant.ts'

/** By name: what is replaced in the file, and by what. */
export type Faults = Readonly<Record<string, readonly [find: string, put: string]>>

/** Faults of one file of the kernel; the tests are below test/kernel/. */
export function faultsOf(file: string, tests: readonly string[], faults: Faults): readonly Mutant[] {
  return Object.entries(faults).map(([name, [find, put]]) => ({
    name: `kernel: ${name}`,
    file: `assembly/${file}`,
    find,
    put,
    tests: tests.map((test) => `kernel/${test}.test.ts`),
  }))
}
