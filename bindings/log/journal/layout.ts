/**
 * Names and sizes of the journal's files, for its writer and its readers. Source of the rules: docs/durability.md.
 *
 *   journal/header            two slots of 4096 bytes, written in turn; in each the header twice
 *   journal/restated          recovery writes the last valid frame again here (rule 6b), beside those of recoveries that died
 *   journal/00000000.ring ... the ring: files of one size, zero-filled ahead, reused in place
 *   journal/reserve           as large as the ring at start: released so that recovery can finish on a full disk (rule 10)
 *   journal/reserve.00 ...    empty: removed so that it can where the file system takes no more files (rule 10)
 */
export const JOURNAL_DIRECTORY = 'journal'
export const HEADER_FILE = 'journal/header'
export const RESTATED_FILE = 'journal/restated'
export const RESERVE_FILE = 'journal/reserve'
/**
 * The number of reserved files. It is larger than the number of files that must be made without a user having asked for
 * one: three tables of the log's own with directory, name and segment, two places of checkpoints, a file of the ring,
 * and a recovery's copies.
 */
const RESERVED_FILES_COUNT = 16
export const RESERVED_FILES: readonly string[] = Array.from(
  { length: RESERVED_FILES_COUNT },
  (_, index) => `${RESERVE_FILE}.${String(index).padStart(2, '0')}`,
)

/** Frames and header slots start at multiples of this size, so that no two of them share a sector (rule 1). */
export const FRAME_ALIGNMENT = 4096

/** The unit of a device's writes: a crash damages whole sectors (durability.md, the assumption). */
export const SECTOR_BYTES = 512

export const JOURNAL_VERSION = 1

export function ringFile(index: number): string {
  return `${JOURNAL_DIRECTORY}/${String(index).padStart(8, '0')}.ring`
}

/** Returns the index of a ring file from its name within journal/, `undefined` for another file. */
export function ringIndex(name: string): number | undefined {
  return /^\d{8}\.ring$/.test(name) ? Number(name.slice(0, 8)) : undefined
}

export function alignFrame(sizeBytes: number): number {
  return Math.ceil(sizeBytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT
}

/**
 * Bytes of data that one frame holds: a quarter of a ring file, three quarters where the ring has ample room (decision
 * 032). Larger data goes by extents (rule 2).
 */
export function frameCapacity(fileSizeBytes: number, isAmple: boolean): number {
  return Math.floor((fileSizeBytes * (isAmple ? 3 : 1)) / 4)
}
