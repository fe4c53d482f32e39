import { mkdtempSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where Linux has a file system in memory. */
const MEMORY = '/dev/shm'
/** As statfs(2) names it. */
const TMPFS = 0x01021994
const LEAST_FREE_BYTES = 2 << 30

/**
 * A directory of a test whose subject isn't the disk: in memory where there is room, because there a flush takes no
 * time.
 */
export function scratchDirectory(name: string): string {
  return mkdtempSync(join(hasRoom(MEMORY) ? MEMORY : tmpdir(), `oncelog-${name}-`))
}

function hasRoom(place: string): boolean {
  try {
    const { type, bavail, bsize } = statfsSync(place)
    return type === TMPFS && bavail * bsize >= LEAST_FREE_BYTES
  } catch {
    return false
  }
}
