import { damagedFile, textOf } from './small-file.ts'

/** 16 bytes as 22 characters of base64url, the last of which carries two bits. Source: Kafka's Uuid.toString. */
const TOPIC_ID = /^[A-Za-z0-9_-]{21}[AQgw]$/
const METADATA = /^version: 0\ntopic_id: (.*)\n?$/

export function isTopicId(text: string): boolean {
  return TOPIC_ID.test(text)
}

/** Kafka writes no line end after the id. Source: Kafka's PartitionMetadata.encode. */
export function formatPartitionMetadata(topicId: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`version: 0\ntopic_id: ${topicId}`)
}

/**
 * Returns the topic id; CORRUPT_LOG for text that isn't one. With one character changed it may still be an id, so
 * compare it with the expected one.
 */
export function parsePartitionMetadata(bytes: Uint8Array, path: string): string {
  const topicId = METADATA.exec(textOf(bytes, path))?.[1]
  if (topicId === undefined || !isTopicId(topicId)) {
    throw damagedFile(path, 0, 'not "version: 0" and a topic id of 22 characters')
  }
  return topicId
}
