import { LogError } from '../../model/errors.ts'
import { PARTITIONS_MAX } from '../../model/limits.ts'
import { assertTopicName } from '../../model/names.ts'
import type { TopicConfig } from '../../model/topic-config.ts'
import type { CatalogueEntry } from './catalogue-entry.ts'
import { describePlace, type TableRecord, type TableRecordPlace } from './table-record.ts'
import { isInternalTopic, isUserTopicId } from './topic-ids.ts'

/**
 * A catalogue record. Key: the topic id as 22 ASCII characters. Value: JSON in UTF-8, so that `oncelog inspect` shows
 * it as it stands: {"version":1,"kind":...} and the fields of CatalogueEntry without the id. Never a null value:
 * entries build on each other, so what replaces which is told by `catalogueKeys`, not by their key alone.
 */
export const CATALOGUE_VERSION = 1

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encodeCatalogueEntry(entry: CatalogueEntry): TableRecord {
  const { topicId, ...fields } = entry
  return {
    key: encoder.encode(topicId),
    value: encoder.encode(JSON.stringify({ version: CATALOGUE_VERSION, ...fields })),
    headers: [],
    timestamp: undefined,
  }
}

/** Total: any bytes give an entry, CORRUPT_LOG, or UNSUPPORTED_VERSION for what a newer oncelog wrote. */
export function decodeCatalogueRecord(record: TableRecord, place: TableRecordPlace): CatalogueEntry {
  const topicId = textOf(record.key)
  if (!isUserTopicId(topicId)) throw damaged(place, 'its key is no topic id')
  const fields = objectOf(textOf(record.value))
  if (fields === undefined) throw damaged(place, 'its value is no JSON object')
  const version = fields['version']
  if (!isWholeNumber(version, 1)) throw damaged(place, 'it has no version')
  if (version > CATALOGUE_VERSION) {
    throw new LogError(
      'UNSUPPORTED_VERSION',
      `the catalogue record in ${describePlace(place)} has version ${version}, this oncelog reads up to ${CATALOGUE_VERSION}`,
      { ...place, version },
    )
  }
  const entry = entryOf(topicId, fields)
  if (entry === undefined) throw damaged(place, 'a field is missing or out of range')
  return entry
}

export function damaged(place: TableRecordPlace, reason: string, cause?: unknown): LogError {
  return new LogError('CORRUPT_LOG', `the record in ${describePlace(place)} is damaged: ${reason}`, { ...place }, cause)
}

function entryOf(topicId: string, fields: Record<string, unknown>): CatalogueEntry | undefined {
  const { kind, name, partitions, config, partition, logStartOffset } = fields
  switch (kind) {
    case 'topic-created':
      if (!isName(name) || !isWholeNumber(partitions, 1, PARTITIONS_MAX) || !isTopicConfig(config)) return undefined
      return { kind, topicId, name, partitions, config }
    case 'topic-deleted':
      if (!isName(name) || !isWholeNumber(partitions, 1, PARTITIONS_MAX)) return undefined
      return { kind, topicId, name, partitions }
    case 'partitions-added':
      return isWholeNumber(partitions, 1, PARTITIONS_MAX) ? { kind, topicId, partitions } : undefined
    case 'config-changed':
      return isTopicConfig(config) ? { kind, topicId, config } : undefined
    case 'log-start-moved':
      if (!isWholeNumber(partition, 0, PARTITIONS_MAX - 1) || !isWholeNumber(logStartOffset, 1)) return undefined
      return { kind, topicId, partition, logStartOffset }
    default:
      return undefined
  }
}

export function isTopicConfig(value: unknown): value is TopicConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every(
    (item) => typeof item === 'string' || typeof item === 'boolean' || Number.isFinite(item),
  )
}

export function isWholeNumber(value: unknown, from: number, to: number = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to
}

/**
 * A topic's name becomes a directory's: a name that no plan can have written is refused before anything is opened by
 * it.
 */
function isName(value: unknown): value is string {
  if (typeof value !== 'string' || isInternalTopic(value)) return false
  try {
    assertTopicName(value)
    return true
  } catch {
    return false
  }
}

function textOf(bytes: Uint8Array | null): string | undefined {
  if (bytes === null) return undefined
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

function objectOf(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
