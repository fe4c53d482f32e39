// What a partition refuses, and where it is damaged: each error with its place.

import { SEQUENCE_STALE_EPOCH } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { ParsedTopicConfig } from '../../model/topic-config.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { Damage } from '../../storage/recovery-report.ts'

/** Source: Kafka's LogValidator (kafka.md 1.5, check 12). */
export function emptyBatch(id: PartitionIdentity): LogError {
  return new LogError('INVALID_RECORD', `a batch for ${nameOf(id)} has no records`, placeOf(id))
}

/**
 * A program's records are read while they are encoded: a call that a getter of one makes then may neither append nor
 * change their number.
 */
export function changedWhileRead(id: PartitionIdentity): LogError {
  const message = `a record for ${nameOf(id)} sends or changes others while it is read: give it as plain data`
  return new LogError('INVALID_RECORD', message, placeOf(id))
}

export function atMemoryCap(id: PartitionIdentity, what: string): LogError {
  return new LogError('MEMORY_CAP_REACHED', `no kernel memory for ${what} of ${nameOf(id)}`, placeOf(id))
}

/** A send without a transaction, by a producer that has one open in this partition. */
export function sentOutside(id: PartitionIdentity, producerId: number): LogError {
  const message = `producer ${producerId} has a transaction open in ${nameOf(id)} and sends outside it`
  return new LogError('INVALID_TXN_STATE', message, { ...placeOf(id), producerId })
}

export function noOffsetsLeft(id: PartitionIdentity, nextOffset: number): LogError {
  const message = `${nameOf(id)} has no offsets left: go on in another topic`
  return new LogError('INVALID_REQUEST', message, { ...placeOf(id), offset: nextOffset })
}

export function readOnly(id: PartitionIdentity, damage: Damage | undefined): LogError {
  const { file, position, offset } = damage ?? {}
  const where = file === undefined ? 'is damaged' : `is damaged at ${position} of ${file}`
  return new LogError('LOG_READ_ONLY', `${nameOf(id)} ${where} and read-only`, {
    ...placeOf(id),
    file,
    position,
    offset,
  })
}

/** `verdict`: what the kernel's producer table found, a stale epoch or a gap in the sequences. */
export function sequenceRefused(
  id: PartitionIdentity,
  verdict: number,
  batch: { readonly producerId: number; readonly producerEpoch: number; readonly baseSequence: number },
): LogError {
  const { producerId, producerEpoch, baseSequence } = batch
  const details = { ...placeOf(id), producerId, producerEpoch, baseSequence }
  if (verdict === SEQUENCE_STALE_EPOCH) {
    return new LogError('INVALID_PRODUCER_EPOCH', `producer ${producerId} has a newer epoch in ${nameOf(id)}`, details)
  }
  const message = `sequence ${baseSequence} of producer ${producerId} is not next in ${nameOf(id)}`
  return new LogError('OUT_OF_ORDER_SEQUENCE_NUMBER', message, details)
}

/** MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE. */
export function assertFits(
  id: PartitionIdentity,
  sizeBytes: number,
  { maxMessageBytes, segmentBytes }: ParsedTopicConfig,
): void {
  if (sizeBytes <= maxMessageBytes && sizeBytes <= segmentBytes) return
  const details = { ...placeOf(id), sizeBytes, maxMessageBytes, segmentBytes }
  const what = `a batch of ${sizeBytes} bytes for ${nameOf(id)}`
  if (sizeBytes > maxMessageBytes) {
    throw new LogError('MESSAGE_TOO_LARGE', `${what} exceeds max.message.bytes, ${maxMessageBytes}`, details)
  }
  throw new LogError('RECORD_LIST_TOO_LARGE', `${what} exceeds segment.bytes, ${segmentBytes}`, details)
}

export function damagedBatch(
  id: PartitionIdentity,
  offset: number,
  fault: string,
  where: { readonly file: string; readonly position: number } | undefined,
): LogError {
  const place = where === undefined ? '' : ` (${where.file} at ${where.position})`
  const message = `${nameOf(id)} is damaged at offset ${offset}: ${fault}${place}`
  return new LogError('CORRUPT_MESSAGE', message, { ...placeOf(id), offset, fault, ...where })
}

/** A batch that is whole, and that this runtime can't decompress. */
export function withoutCodec(id: PartitionIdentity, offset: number, error: LogError): LogError {
  const message = `${nameOf(id)} can't be read at offset ${offset}: ${error.message}`
  return new LogError('UNSUPPORTED_COMPRESSION_TYPE', message, { ...placeOf(id), offset, ...error.details }, error)
}

function nameOf({ topic, partition }: PartitionIdentity): string {
  return `${topic}-${partition}`
}

function placeOf({ topic, partition }: PartitionIdentity): { readonly topic: string; readonly partition: number } {
  return { topic, partition }
}
