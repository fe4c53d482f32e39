import { Transactions } from '../../bindings/coordinator/transaction/transactions.ts'
import { Transacting } from '../../bindings/engine/transacting.ts'
import { Partition } from '../../bindings/log/partition/partition.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import type { CommitSet } from '../../bindings/storage/partition-store.ts'
import type { Life } from './transaction-life.ts'

export interface TransactionFault {
  readonly name: string
  /** The answer mends it. */
  readonly inCode?: () => () => void
  readonly life?: Partial<Life>
}

/** Each takes one mechanism out: what clients see must tell. */
export const TRANSACTION_FAULTS: readonly TransactionFault[] = [
  {
    name: 'markers reach their segment before the frame',
    inCode: () => replace(FilePartitionStore, 'commit', markersFirst),
  },
  { name: 'readers go past the last stable offset', inCode: ignoreStableOffset },
  {
    name: 'aborted records are not filtered',
    inCode: () =>
      replace(Partition, 'readCommitted', function (this: Partition, offset: number, maxBytes: number) {
        return this.read(offset, this.lastStableOffset, maxBytes)
      }),
  },
  { name: 'appends need no open transaction', inCode: () => replace(Transacting, 'admit', () => undefined) },
  { name: 'appends of any epoch are taken', inCode: () => replace(Transactions, 'openOf', openOfAnyEpoch) },
  { name: 'recovery aborts nothing', inCode: () => replace(Transacting, 'recover', () => []) },
  { name: 'offsets are committed outside the transaction', life: { offsetsOutside: true } },
]

type Class<T> = { readonly prototype: T }

function replace<T extends object, K extends keyof T & string>(type: Class<T>, name: K, method: unknown): () => void {
  const before = type.prototype[name]
  type.prototype[name] = method as T[K]
  return () => {
    type.prototype[name] = before
  }
}

const { commit } = FilePartitionStore.prototype

/** As if they were data. */
function* markersFirst(this: FilePartitionStore, set: CommitSet): ReturnType<typeof commit> {
  const early = set.decisions.filter(({ id, placed }) => placed !== undefined && this.isActive(id))
  for (const decision of early) {
    if (this.append(decision.id, decision)) decision.placed?.()
  }
  yield* commit.call(this, { ...set, decisions: set.decisions.filter((decision) => !early.includes(decision)) })
}

function ignoreStableOffset(): () => void {
  const before = Object.getOwnPropertyDescriptor(Partition.prototype, 'lastStableOffset') as PropertyDescriptor
  const get = function (this: Partition): number {
    return this.watermarks.highWatermark
  }
  Object.defineProperty(Partition.prototype, 'lastStableOffset', { ...before, get })
  return () => {
    Object.defineProperty(Partition.prototype, 'lastStableOffset', before)
  }
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
