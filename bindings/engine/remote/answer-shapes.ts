import { PRODUCER_EPOCH_MAX } from '../../model/records.ts'
import type { ADMIN_CALLS } from './protocol.ts'
import { fields, finite, listOf, optional, place, places, type Shape, text, whole } from './shapes.ts'

/** Of a call that only tells that it is done. */
export const NOTHING: Shape = () => true

const groupId = { groupId: text }
const group = { ...groupId, state: text, generation: finite }
const member = { memberId: text, topics: listOf(text) }
const producer = { producerId: finite, producerEpoch: finite }
const offset = optional(finite)

export const TOPIC_FACTS: Shape = fields({ topic: text, topicId: text, partitions: whole, config: fields({}) })

/** What AdminSession's calls resolve with. */
export const ADMIN_ANSWERS: Readonly<Record<(typeof ADMIN_CALLS)[number], Shape>> = {
  backup: NOTHING,
  createTopic: NOTHING,
  deleteTopic: NOTHING,
  listTopics: listOf(text),
  describeTopic: TOPIC_FACTS,
  createPartitions: NOTHING,
  alterConfig: NOTHING,
  deleteRecords: listOf(fields({ ...place, lowWatermark: finite })),
  offsets: listOf(fields({ ...place, logStartOffset: finite, highWatermark: finite, lastStableOffset: finite })),
  offsetsForTimestamp: listOf(offset),
  unread: listOf(fields({ nextOffset: finite, endOffset: finite })),
  listGroups: listOf(fields({ ...group, members: whole, offsets: listOf(fields({ ...place, nextOffset: finite })) })),
  setOffsets: NOTHING,
  deleteGroup: NOTHING,
  describeGroup: fields({
    ...group,
    members: listOf(fields({ ...member, partitions: places })),
    offsets: listOf(
      fields({ ...place, nextOffset: offset, lag: finite, heldBack: finite, heldBackBy: optional(text) }),
    ),
  }),
  listShareGroups: listOf(
    fields({
      ...groupId,
      offsets: listOf(fields({ ...place, startOffset: finite, lag: finite, acquired: finite })),
    }),
  ),
  startShareGroup: NOTHING,
  deleteShareGroup: NOTHING,
  listTransactions: listOf(
    fields({
      ...producer,
      transactionalId: text,
      state: text,
      timeoutMs: finite,
      startTimestamp: optional(finite),
      partitions: places,
    }),
  ),
  describeProducers: listOf(
    fields({
      ...place,
      producers: listOf(
        fields({
          ...producer,
          lastSequence: finite,
          lastTimestamp: finite,
          currentTransactionStartOffset: offset,
          transactionalId: optional(text),
        }),
      ),
    }),
  ),
  abortTransaction: NOTHING,
  fenceProducer: NOTHING,
}

/** The program is given both as they are. */
export const HELLO: Shape = fields({ guarantees: optional(fields({})), recovery: optional(fields({})) })

const epoch: Shape = (value) => whole(value) && (value as number) <= PRODUCER_EPOCH_MAX

/** A producer's id and epoch. */
export const INSTANCE: Shape = fields({ producerId: whole, producerEpoch: epoch })

export const JOINED: Shape = fields({
  generation: whole,
  assignor: text,
  members: listOf(fields({ ...member, owned: places })),
})

export const GIVEN: Shape = listOf(fields({ ...place, topicId: optional(text) }))

export const COMMITTED: Shape = listOf(offset)

export const ACQUIRED: Shape = listOf(
  fields({
    ...place,
    topicId: text,
    firstOffset: whole,
    lastOffset: whole,
    deliveryCount: whole,
    beginning: finite,
    waitedMs: finite,
  }),
)
