import { LiveGroup } from '../../bindings/coordinator/group/live-group.ts'
import { Transactions } from '../../bindings/coordinator/transaction/transactions.ts'
import { Transacting } from '../../bindings/engine/transacting.ts'
import { Partition } from '../../bindings/log/partition/partition.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { admitEverybody, ignoreStableOffset } from './code-faults.ts'
import { type Mend, replace } from './fault-tools.ts'
import type { Life } from './transaction-life.ts'

export interface TransactionFault {
  readonly name: string
  readonly inCode?: () => Mend
  readonly life?: Partial<Life>
}

/** Each takes one mechanism of rules 3 and 9 of docs/durability.md out: what clients see must tell. */
export const TRANSACTION_FAULTS: readonly TransactionFault[] = [
  { name: 'markers reach their segment before the frame', inCode: placeMarkersFirst },
  { name: 'readers go past the last stable offset', inCode: ignoreStableOffset },
  {
    name: 'aborted records are not filtered',
    inCode: () =>
      replace(
        Partition.prototype,
        'readCommitted',
        () =>
          function (this: Partition, offset, maxBytes) {
            return this.read(offset, this.lastStableOffset, maxBytes)
          },
      ),
  },
  {
    name: 'appends need no open transaction',
    inCode: admitEverybody,
  },
  {
    name: 'appends of any epoch are taken',
    inCode: () => replace(Transactions.prototype, 'openOf', () => openOfAnyEpoch),
  },
  {
    name: 'offsets of any generation are taken',
    inCode: () => replace(LiveGroup.prototype, 'assertGeneration', () => () => {}),
  },
  { name: 'recovery aborts nothing', inCode: () => replace(Transacting.prototype, 'recover', () => () => []) },
  { name: 'offsets are committed outside the transaction', life: { offsetsOutside: true } },
]

/** As if they were data. */
function placeMarkersFirst(): () => void {
  return replace(
    FilePartitionStore.prototype,
    'commit',
    (before) =>
      function* (this: FilePartitionStore, set) {
        const early = set.decisions.filter(({ id, placed }) => placed !== undefined && this.isActive(id))
        for (const decision of early) {
          if (this.append(decision.id, decision, false)) decision.placed?.()
        }
        yield* before.call(this, { ...set, decisions: set.decisions.filter((decision) => !early.includes(decision)) })
      },
  )
}

function openOfAnyEpoch(
  this: Transactions,
  producerId: number,
  producerEpoch: number,
): ReturnType<Transactions['openOf']> {
  for (let epoch = producerEpoch; epoch < producerEpoch + 4; epoch++) {
    const open = this.find({ producerId, producerEpoch: epoch })
    if (open !== undefined) return open
  }
  throw new Error('no transaction is open')
}
