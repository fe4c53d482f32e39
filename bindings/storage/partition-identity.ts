/**
 * A partition by the id of its topic. A topic that is created again under its name gets another id (16 bytes as Kafka's
 * 22 characters of base64url).
 */
export interface PartitionIdentity {
  /** The topic's id: names come again, ids don't. */
  readonly topicId: string
  /** The topic's name. */
  readonly topic: string
  /** The partition's number, from 0. */
  readonly partition: number
}
