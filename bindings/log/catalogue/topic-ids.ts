import { POSITIONS_TOPIC } from '../../model/names.ts'
import { isTopicId } from '../files/partition-metadata.ts'

/**
 * The log's own topics. Their ids are constants, so that files and frames can name them before any catalogue is read:
 * 16 ASCII bytes each ('oncelog.catalog1', 'oncelog.offsets1', 'oncelog.transac1', 'oncelog.positio1') in Kafka's base64url of 22 characters.
 */
export const CATALOGUE_TOPIC = '__oncelog_catalogue'
export const OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTIONS_TOPIC = '__transaction_state'

export const INTERNAL_TOPIC_IDS: Readonly<Record<string, string>> = {
  [CATALOGUE_TOPIC]: 'b25jZWxvZy5jYXRhbG9nMQ',
  [OFFSETS_TOPIC]: 'b25jZWxvZy5vZmZzZXRzMQ',
  [TRANSACTIONS_TOPIC]: 'b25jZWxvZy50cmFuc2FjMQ',
  [POSITIONS_TOPIC]: 'b25jZWxvZy5wb3NpdGlvMQ',
}

/** Names that no user can create: those above, and whatever else of this shape comes later. */
export function isInternalTopic(name: string): boolean {
  return Object.hasOwn(INTERNAL_TOPIC_IDS, name) || name.startsWith('__oncelog_')
}

/** Kafka's ids for "none" and for its own metadata topic. */
const RESERVED_IDS = ['AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAQ', ...Object.values(INTERNAL_TOPIC_IDS)]

/** An id that a user's topic can have. */
export function isUserTopicId(text: unknown): text is string {
  return typeof text === 'string' && isTopicId(text) && !RESERVED_IDS.includes(text)
}
