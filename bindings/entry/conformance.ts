/** Holds a storage driver against the ports, in any test framework: each case is a name and a function. */
export type { ConformanceCase } from '../storage/conformance/case.ts'
export { fileStoreConformance } from '../storage/conformance/file-store-suite.ts'
export { partitionStoreConformance } from '../storage/conformance/partition-store-suite.ts'
