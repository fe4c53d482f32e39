import type { Broker } from '../broker/broker.ts'
import type { FetchedBatch } from '../broker/reader-session.ts'
import { ConsumedRecord, decoderOf, type RecordSource } from './consumer/consumed-record.ts'
import { wrongArgument } from './options.ts'
import { isCount } from './places.ts'
import { HOW_TO_DECLARE, isDeclared, type TopicRef } from './topic/topic.ts'

/** Where a record stands in its topic. */
export interface RecordPlace {
  /** The partition's number, from 0. */
  readonly partition: number
  /** The record's offset, from 0. */
  readonly offset: number
}

export function getRecord(broker: Broker, topic: TopicRef, at: RecordPlace): Promise<ConsumedRecord | undefined> {
  const { partition, offset } = at ?? {}
  if (typeof topic !== 'string' && !isDeclared(topic))
    throw wrongArgument('topic', `a declared topic or a name: ${HOW_TO_DECLARE}`)
  const decoder = decoderOf(topic)
  if (!isCount(partition) || !isCount(offset))
    throw wrongArgument('at', 'a partition and an offset, whole numbers from 0 on')
  const source = { topic: decoder.topic, partition, decoder, held: undefined, loan: undefined }
  const found = broker.find(decoder.topic, partition, offset)
  if (found instanceof Promise) return found.then((record) => consumed(record, source))
  return Promise.resolve(consumed(found, source))
}

function consumed(record: FetchedBatch | undefined, source: RecordSource): ConsumedRecord | undefined {
  return record === undefined ? undefined : new ConsumedRecord(record, 0, source)
}
