import type { Kind } from '../plan.ts'
import { compactionStory } from './compaction.ts'
import { damagedStory } from './damaged.ts'
import { GROUPS } from './groups.ts'
import { ingestStory } from './ingest.ts'
import { producersStory, transactionsStory } from './plain.ts'
import { retentionStory } from './retention.ts'
import { sharesStory } from './shares.ts'
import { statesStory } from './states.ts'
import type { Story } from './story.ts'

/** A new one for each run. */
export const STORIES: Readonly<Record<Kind, () => Story>> = {
  producers: producersStory,
  transactions: transactionsStory,
  groups: () => GROUPS,
  retention: retentionStory,
  compaction: compactionStory,
  shares: sharesStory,
  states: statesStory,
  ingest: ingestStory,
  damaged: damagedStory,
}
