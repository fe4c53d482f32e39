import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { type NewestHeader, slotOf } from './header.ts'
import { HEADER_FILE } from './layout.ts'
import { ringFileDamage } from './ring.ts'

/**
 * What is missing of the first two ring files of a log that wasn't closed. Both were whole and durable before the header
 * that says that the log is in use, and are removed only after one that says that it is closed. What one of them lacks
 * may have been the newest frames, which were acknowledged and of which nothing else knows. If the newest header isn't
 * there, either a crash tore it before the files were removed, or it is damaged: then nobody knows whether they had to be
 * there.
 */
export function* shortRing(store: FileStore, { header, isNewest }: NewestHeader): Task<readonly Damage[]> {
  const { ringFileBytes, sequence, clean } = header
  if (clean && isNewest) return []
  const nowhere = { topic: undefined, partition: undefined, offset: undefined }
  const damage: Damage[] = []
  for (const index of [0, 1]) {
    const found = yield* ringFileDamage(store, index, ringFileBytes)
    if (found !== undefined && found.position < ringFileBytes) damage.push(found)
  }
  if (damage.length === 0 || isNewest) return damage
  return [{ file: HEADER_FILE, position: slotOf(sequence + 1), ...nowhere, code: 'the newest header is damaged' }]
}
