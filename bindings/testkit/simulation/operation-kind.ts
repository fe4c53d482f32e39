/** What the disk counts, and can be crashed before. */
export type OperationKind = 'create' | 'write' | 'truncate' | 'flush' | 'rename' | 'remove' | 'syncDirectory'
