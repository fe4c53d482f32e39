import type { DecodedBatch } from '../../kernel/kernel.ts'
import { ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import type { AbortedTransaction } from '../../storage/partition-store.ts'

export function isTransactional({ header }: DecodedBatch): boolean {
  return (header.attributes & ATTRIBUTE_TRANSACTIONAL) !== 0
}

/**
 * Leaves out the batches of transactions in `aborted`; both lists are in offset order. Transactions of one producer
 * follow each other, so a batch belongs to the one whose offsets include it. The outcome is that of the client's filter
 * in kafka.md 4.8.
 */
export function withoutAborted(
  batches: readonly DecodedBatch[],
  aborted: readonly AbortedTransaction[],
): DecodedBatch[] {
  const byProducer = new Map<number, AbortedTransaction[]>()
  for (const each of aborted) {
    const others = byProducer.get(each.producerId)
    if (others === undefined) byProducer.set(each.producerId, [each])
    else others.push(each)
  }
  return batches.filter((batch) => {
    const { producerId, baseOffset } = batch.header
    const own = isTransactional(batch) ? byProducer.get(producerId) : undefined
    while (own !== undefined && (own[0]?.lastOffset ?? baseOffset) < baseOffset) own.shift()
    return (own?.[0]?.firstOffset ?? Number.POSITIVE_INFINITY) > baseOffset
  })
}
