import { damagedFile, textOf } from './text-file.ts'

/** 22 characters of base64url for 16 bytes: the last one carries only two bits. Source: Kafka's Uuid.toString. */
const TOPIC_ID = /^[A-Za-z0-9_-]{21}[AQgw]$/
const METADATA = /^version: 0\ntopic_id: (.*)\n?$/

export function isTopicId(text: string): boolean {
  return TOPIC_ID.test(text)
}

/** Kafka writes no line end behind the id. Source: Kafka's PartitionMetadata.encode. */
export function formatPartitionMetadata(topicId: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`version: 0\ntopic_id: ${topicId}`)
}

/** The topic id. CORRUPT_LOG when it isn't one; a flipped letter is still an id: compare it with the one expected. */
export function parsePartitionMetadata(bytes: Uint8Array, path: string): string {
  const topicId = METADATA.exec(textOf(bytes, path))?.[1]
  if (topicId === undefined || !isTopicId(topicId)) {
    throw damagedFile(path, 0, 'not "version: 0" and a topic id of 22 characters')
  }
  return topicId
}
