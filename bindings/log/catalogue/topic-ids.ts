import { POSITIONS_TOPIC } from '../../model/names.ts'
import { isTopicId } from '../files/partition-metadata.ts'

/**
 * The log's own topics. Their ids are constants, so that files and frames can name them before any catalogue is read:
 * 16 ASCII bytes each in Kafka's base64url of 22 characters: 'oncelog.catalog1', 'oncelog.offsets1',
 * 'oncelog.transac1', 'oncelog.positio1', 'oncelog.shares01'.
 */
export const CATALOGUE_TOPIC = '__oncelog_catalogue'
export const OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTIONS_TOPIC = '__transaction_state'

/** How often share groups delivered which records. */
export const SHARES_TOPIC = '__share_group_state'

/** Topic ids by name. The object inherits nothing, since a user's topic may be named `constructor`. */
export const INTERNAL_TOPIC_IDS: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  [CATALOGUE_TOPIC]: 'b25jZWxvZy5jYXRhbG9nMQ',
  [OFFSETS_TOPIC]: 'b25jZWxvZy5vZmZzZXRzMQ',
  [TRANSACTIONS_TOPIC]: 'b25jZWxvZy50cmFuc2FjMQ',
  [POSITIONS_TOPIC]: 'b25jZWxvZy5wb3NpdGlvMQ',
  [SHARES_TOPIC]: 'b25jZWxvZy5zaGFyZXMwMQ',
})

/** The log's own topics by id, which no catalogue has. Programs and groups may read them as any other. */
export const INTERNAL_TOPICS: ReadonlyMap<string, { readonly name: string; readonly partitions: number }> = new Map(
  Object.entries(INTERNAL_TOPIC_IDS).map(([name, topicId]) => [topicId, { name, partitions: 1 }]),
)

/**
 * Whether the topic's records are decisions, which stand in a frame before they stand in a segment. True for the log's
 * own topics, except the positions of `ingest`: they belong to the transactions of their rows and are written as those
 * are, before any frame (durability rule 3).
 */
export function holdsDecisions(topicId: string): boolean {
  return topicId !== INTERNAL_TOPIC_IDS[POSITIONS_TOPIC] && Object.values(INTERNAL_TOPIC_IDS).includes(topicId)
}

/**
 * Whether no user may create a topic of this name: one of those above, or a name of their form that a later version may
 * take.
 */
export function isInternalTopic(name: string): boolean {
  return Object.hasOwn(INTERNAL_TOPIC_IDS, name) || name.startsWith('__oncelog_')
}

/** Kafka's ids for "none" and for its own metadata topic. */
const RESERVED_IDS = ['AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAQ', ...Object.values(INTERNAL_TOPIC_IDS)]

/** Whether a user's topic can have this id. */
export function isUserTopicId(text: unknown): text is string {
  return typeof text === 'string' && isTopicId(text) && !RESERVED_IDS.includes(text)
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const ID_BYTES = 16

/** The 16 bytes that a topic's id stands for, as Kafka's records have it. */
export function topicIdBytes(topicId: string): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES)
  let bits = 0
  let count = 0
  let at = 0
  for (const letter of topicId) {
    bits = ((bits << 6) | ALPHABET.indexOf(letter)) & 0x3fff
    count += 6
    if (count < 8 || at === ID_BYTES) continue
    count -= 8
    bytes[at++] = bits >>> count
  }
  return bytes
}

/** The topic id that 16 bytes stand for. */
export function topicIdOf(bytes: Uint8Array): string {
  let topicId = ''
  let bits = 0
  let count = 0
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0x3fff
    count += 8
    for (; count >= 6; count -= 6) topicId += ALPHABET[(bits >>> (count - 6)) & 63]
  }
  return topicId + ALPHABET[(bits << (6 - count)) & 63]
}
