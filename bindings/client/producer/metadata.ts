import type { RecordMetadata } from '../producer-record.ts'

type Unfinished = { -readonly [Field in keyof RecordMetadata]: RecordMetadata[Field] }

/**
 * The constructor of plain objects: to a program an answer is no different from a literal. Why it isn't one: see
 * CheckedRecord.
 */
function PlainMetadata(this: Unfinished, topic: string, partition: number, offset: number, timestamp: number): void {
  this.topic = topic
  this.partition = partition
  this.offset = offset
  this.timestamp = timestamp
}
PlainMetadata.prototype = Object.prototype

export const Metadata = PlainMetadata as unknown as new (
  topic: string,
  partition: number,
  offset: number,
  timestamp: number,
) => RecordMetadata
