import { LogError } from '../../model/errors.ts'
import type { RecordKeys } from '../compaction/record-keys.ts'
import { decodeCatalogueRecord } from './catalogue-codec.ts'
import type { CatalogueEntry } from './catalogue-entry.ts'
import { CATALOGUE_TOPIC } from './topic-ids.ts'

const encoder = new TextEncoder()
/** Compaction only asks what a record says; its place would be needed for an error message alone. */
const NOWHERE = { topic: CATALOGUE_TOPIC, partition: 0, offset: -1 }

/**
 * What compaction keeps of the catalogue: of each topic how it was created, each of its partition counts, its last
 * config, and the last log start of each partition; of a deleted topic nothing in the end
 * (docs/decisions/025-catalogue.md). All records of a topic have its id as their key, so what tells them apart is in
 * the value.
 */
export function catalogueKeys(key: Uint8Array, value: Uint8Array): RecordKeys | undefined {
  try {
    const entry = decodeCatalogueRecord({ key, value, headers: [], timestamp: undefined }, NOWHERE)
    return {
      key: encoder.encode(`${entry.topicId}/${aspectOf(entry)}`),
      endKey: encoder.encode(`${entry.topicId}/topic-deleted`),
      isEnd: entry.kind === 'topic-deleted',
    }
  } catch (error) {
    if (LogError.is(error, 'CORRUPT_LOG', 'UNSUPPORTED_VERSION')) return undefined
    throw error
  }
}

function aspectOf(entry: CatalogueEntry): string {
  switch (entry.kind) {
    case 'partitions-added':
      // A later log start may be that of a partition which only this record added, so the record stays. Each one costs
      // a directory, so there are few.
      return `${entry.kind}/${entry.partitions}`
    case 'log-start-moved':
      return `${entry.kind}/${entry.partition}`
    default:
      return entry.kind
  }
}
