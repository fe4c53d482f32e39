import { BEHAVIOURS } from './behaviours.ts'
import { CLEANUP } from './cleanup.ts'
import { CLIENTS } from './clients.ts'
import { COMPACTION } from './compaction.ts'
import { COMPRESSION } from './compression.ts'
import { FAILURES } from './failures.ts'
import { IMPORT } from './import.ts'
import { KERNEL } from './kernel/all.ts'
import { MEMBERS } from './members.ts'
import { MOMENTS } from './moments.ts'
import type { Mutant } from './mutant.ts'
import { OFFSETS } from './offsets.ts'
import { OLDER_JOURNAL } from './older-journal.ts'
import { OPEN_FILES } from './open-files.ts'
import { PROCESSING } from './processing.ts'
import { PRODUCERS } from './producers.ts'
import { RECOVERY } from './recovery.ts'
import { REMOTE } from './remote.ts'
import { SALVAGE } from './salvage.ts'
import { SEGMENTS } from './segments.ts'
import { SHARING } from './sharing.ts'
import { STORE } from './store.ts'
import { TRANSACTIONS } from './transactions.ts'
import { VALUES } from './values.ts'

export const MUTANTS: readonly Mutant[] = [
  ...PRODUCERS,
  ...TRANSACTIONS,
  ...OFFSETS,
  ...MEMBERS,
  ...CLIENTS,
  ...PROCESSING,
  ...REMOTE,
  ...SEGMENTS,
  ...STORE,
  ...OPEN_FILES,
  ...MOMENTS,
  ...RECOVERY,
  ...OLDER_JOURNAL,
  ...CLEANUP,
  ...COMPACTION,
  ...COMPRESSION,
  ...IMPORT,
  ...SALVAGE,
  ...FAILURES,
  ...BEHAVIOURS,
  ...SHARING,
  ...VALUES,
  ...KERNEL,
]
