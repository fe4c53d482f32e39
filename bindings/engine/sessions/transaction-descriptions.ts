import type { PartitionProducers, TransactionDescription } from '../../broker/descriptions.ts'
import { byPlace, type TopicPartition } from '../../model/positions.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { Engine } from '../engine.ts'

export function listTransactions({ topics, transactions }: Engine): readonly TransactionDescription[] {
  // Another topic may have the name of a deleted one: its partition would be named twice.
  const isThere = (id: PartitionIdentity) => topics.find(id) !== undefined || topics.stored(id) !== undefined
  return transactions.list().map(({ startMs, partitions, ...facts }) => ({
    ...facts,
    startTimestamp: startMs < 0 ? undefined : startMs,
    partitions: partitions
      .filter(isThere)
      .map(({ topic, partition }) => ({ topic, partition }))
      .sort(byPlace),
  }))
}

export function describeProducers(
  { topics, transactions }: Engine,
  at: readonly TopicPartition[],
): readonly PartitionProducers[] {
  return at.map(({ topic, partition }) => {
    const producers = [...topics.partition(topic, partition).partition.producers()]
    return {
      ...{ topic, partition },
      producers: producers.map(
        ({ producerId, producerEpoch, batches, currentTransactionFirstOffset, markerTimestamp = -1 }) => ({
          ...{ producerId, producerEpoch },
          lastSequence: batches.at(-1)?.lastSequence ?? -1,
          lastTimestamp: batches.at(-1)?.timestamp ?? markerTimestamp,
          currentTransactionStartOffset: currentTransactionFirstOffset < 0 ? undefined : currentTransactionFirstOffset,
          transactionalId: transactions.idOf(producerId),
        }),
      ),
    }
  })
}
