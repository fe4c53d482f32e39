import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import type { SurveyContext } from '../survey/survey-context.ts'

export interface VerifyContext extends Omit<SurveyContext, 'progressed'> {
  readonly damage: Damage[]
  /** For the log's own topics: up to which offset checkpoint and frames vouch for decisions (rule 3). */
  readonly ownEnd: number | undefined
  readonly undecided: Undecided[]
  /** Called with the part of the partition that was looked at, from 0 to 1. */
  readonly progressed: (part: number) => void
}

/** Reports a damaged place of a partition's file. */
export type Damaged = (file: string, position: number, offset: number | undefined, code: string) => void

/** A file that isn't looked into must still be a file: an open of the log fails at anything else, and so does this. */
export function* assertOpens(store: FileStore, path: string): Task<void> {
  const file = yield* openFile(store, path)
  file?.close()
}

/** A batch of the log's own topics for which nothing vouched when it was read. */
export interface Undecided {
  readonly file: string
  readonly position: number
  readonly offset: number
  readonly nextOffset: number
}
