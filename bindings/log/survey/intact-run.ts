import type { Patch } from './patched-file.ts'

/** Offsets of one partition that were written and can't be read. */
export interface Hole {
  readonly offset: number
  readonly nextOffset: number | undefined
  readonly file: string
  readonly position: number
  readonly code: string
}

/** A part of a file, and bytes of it that are known from elsewhere. */
export interface FilePart {
  readonly path: string
  readonly position: number
  readonly end: number
  readonly patches: readonly Patch[]
}

/** Whole batches that follow each other, in a file or in a frame of the journal. */
export interface IntactRun {
  readonly baseOffset: number
  readonly nextOffset: number
  /** Compaction wrote them: offsets may be missing anywhere. */
  readonly isCleaned: boolean
  readonly from: FilePart | Uint8Array
}
