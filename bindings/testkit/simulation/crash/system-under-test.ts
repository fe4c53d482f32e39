import type { Acks } from '../../../model/positions.ts'
import type { WriteOrderObserver } from '../../../storage/write-order.ts'
import type { Random } from '../random.ts'
import type { VirtualStorage } from '../virtual-rows.ts'
import type { Marks } from './marks.ts'

/** Any log that the simulator can drive. None of its calls may return a promise. */
export interface SystemUnderTest<Storage extends VirtualStorage = VirtualStorage> {
  readonly name: string
  /** A new, empty storage. */
  storage(): Storage
  /** Recovers and returns a log that serves; throws what `open` of the system would reject with. */
  open(host: SystemHost<Storage>): SystemHandle
}

export interface SystemHost<Storage extends VirtualStorage = VirtualStorage> {
  readonly storage: Storage
  readonly observer: WriteOrderObserver
  /** For choices that the scheduler makes in real life: which of several effects ends first. */
  readonly order: Random
  readonly marks: Marks
}

/** Calls without `answered` run the system until they have their answer, and throw the error that it holds. */
export interface SystemHandle {
  readonly recovery: SystemRecovery
  createTopic(topicId: string, topic: string, partitions: number): void
  deleteTopic(topic: string): void
  createPartitions(topic: string, totalCount: number): void
  topics(): readonly SystemTopic[]
  openProducer(): number
  /** Hands the batch over at once; `answered` is called once, now or within a later call. */
  send(request: SendRequest, answered: (answer: SendAnswer) => void): void
  /** All that a reader sees, from the log's start up to the high watermark. */
  fetch(topic: string, partition: number): PartitionView
  commitOffset(group: string, topic: string, partition: number, nextOffset: number): void
  committed(group: string, topic: string, partition: number): number | undefined
  /** Ids of all topics that the group has offsets of, dead ones too. */
  committedTopicIds?(group: string): readonly string[]
  /** Moves the log start. */
  deleteRecords?(topic: string, partition: number, before: number): void
  /** Sets `retention.bytes` of the topic. */
  keepBytes?(topic: string, bytes: number): void
  /** Lets that time pass and does what falls due in it. */
  passTime?(byMs: number): void
  /** One effect or one turn; false when there is nothing to do. */
  advance(): boolean
  close(): void
  /** Its process has crashed or closed: its memory may be used for another one. */
  discard?(): void
}

export interface SystemRecovery {
  readonly isClean: boolean
  /** Places that are damaged: a crash alone never leaves any. */
  readonly damage: readonly string[]
  readonly isReadOnly: boolean
}

export interface SystemTopic {
  readonly topicId: string
  readonly topic: string
  readonly partitions: number
}

export interface SendRequest {
  readonly topic: string
  readonly partition: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly values: readonly string[]
  readonly acks: Acks
}

/** `baseOffset` is -1 if the batch is known to be written but its offset isn't known any more. */
export type SendAnswer = { readonly baseOffset: number } | { readonly errorCode: string }

export interface SeenRecord {
  readonly offset: number
  readonly value: string
}

export interface PartitionView {
  readonly logStartOffset: number
  readonly endOffset: number
  readonly records: readonly SeenRecord[]
}
