import type { RecordMetadata } from '../producer-record.ts'

type Unfinished = { -readonly [Field in keyof RecordMetadata]: RecordMetadata[Field] }

/**
 * A constructor of plain objects: a program can't tell its result from a literal. CheckedRecord says why it isn't a
 * literal.
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
