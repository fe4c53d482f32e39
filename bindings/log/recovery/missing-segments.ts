import type { StoredFiles } from '../stored-files/stored-files.ts'

/** What a partition's files lack of what the checkpoint notes. */
export interface LostPart {
  readonly file: string
  readonly position: number
  readonly offset: number
  readonly code: string
}

/** Where the offsets from `offset` on were. */
export interface MissingSegment extends LostPart {
  readonly position: 0
  readonly offset: number
  readonly code: 'is missing' | 'is no directory'
}

const LOST = { position: 0, code: 'is missing' } as const
/** A file lies in its place. */
const NO_DIRECTORY = { position: 0, code: 'is no directory' } as const

/**
 * Noted segments that the directory, with these `names`, doesn't have. Removals leave no removed segment noted, and
 * what a checkpoint notes is durable, so no crash explains them. One entry for a directory that is gone, or isn't one:
 * then there are no `names`. That of a partition which frames alone name was durable before them (rule 7).
 */
export function missingSegments(
  { directory, segments }: StoredFiles,
  names: readonly string[] | undefined,
): MissingSegment[] {
  const offset = segments.all[0]?.baseOffset ?? 0
  if (names === undefined) return [{ file: directory, offset, ...NO_DIRECTORY }]
  if (names.length === 0) return [{ file: directory, offset, ...LOST }]
  const present = new Set(names.map((name) => `${directory}/${name}`))
  return segments.all
    .filter(({ logPath }) => !present.has(logPath))
    .map(({ logPath, baseOffset }) => ({ file: logPath, offset: baseOffset, ...LOST }))
}

/** Whether the noted end is gone, so that what comes after it needs a segment of its own. */
export function lacksActive({ directory, segments }: StoredFiles, missing: readonly LostPart[]): boolean {
  return missing.some(({ file }) => file === directory || file === segments.active?.logPath)
}
