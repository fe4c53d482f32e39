import { PartitionRows, RowDatabase } from '../../bindings/storage/drivers/memory-rows/rows.ts'
import { MemoryRowStore } from '../../bindings/storage/drivers/memory-rows.ts'
import type { CommitSet } from '../../bindings/storage/partition-store.ts'
import { keepOffsetsOfTopics } from './code-faults.ts'
import { replace, withoutEffects } from './fault-tools.ts'

export interface RowFault {
  readonly name: string
  /** The rule of docs/durability.md that it breaks, as far as rows know it. */
  readonly rule: number
  readonly scenario: string
  /** Takes the mechanism out; the answer puts it back. */
  readonly inCode: () => () => void
}

const one = 'single append, acks all'
const again = 'topic created, deleted and made anew'

/** Transactions of the database that hold only this of what was asked for. */
function commitOnly(change: (set: CommitSet) => readonly CommitSet[]): () => void {
  return replace(
    MemoryRowStore.prototype,
    'commit',
    (before) =>
      function* (this: MemoryRowStore, set) {
        for (const part of change(set)) yield* before.call(this, part)
      },
  )
}

/** Each takes one mechanism of the row store out. What clients see must tell every one of them from the right store. */
export const ROW_FAULTS: readonly RowFault[] = [
  {
    name: 'answered before the transaction',
    rule: 1,
    scenario: one,
    inCode: () =>
      replace(
        MemoryRowStore.prototype,
        'commit',
        (before) =>
          function (this: MemoryRowStore, set) {
            const isCommit = ({ kind }: { kind: string }) => kind === 'commit' && set.decisions.length === 0
            return withoutEffects(before.call(this, set), isCommit, () => {})
          },
      ),
  },
  {
    name: 'what was appended is not part of the transaction',
    rule: 2,
    scenario: one,
    inCode: () => commitOnly((set) => [{ ...set, durable: [] }]),
  },
  {
    name: 'a transaction for each decision',
    rule: 7,
    scenario: again,
    inCode: () =>
      commitOnly((set) => [
        { ...set, decisions: [] },
        ...set.decisions.map((decision) => ({ ...set, durable: [], decisions: [decision] })),
      ]),
  },
  {
    name: 'ceiling ignored',
    rule: 5,
    scenario: 'retries after a power failure that took acks 1',
    inCode: () => commitOnly((set) => [{ ...set, ceilings: [] }]),
  },
  {
    name: 'producer id given twice',
    rule: 8,
    scenario: one,
    inCode: () => commitOnly((set) => [{ ...set, producerIdsEnd: undefined }]),
  },
  {
    name: 'windows of producers forgotten',
    rule: 8,
    scenario: one,
    inCode: () =>
      replace(
        PartitionRows.prototype,
        'stored',
        (before) =>
          function (this: PartitionRows) {
            return { ...before.call(this), producers: [] }
          },
      ),
  },
  {
    name: 'recovery that trusts what it reads back',
    rule: 6,
    scenario: 'both acks in flight together',
    inCode: () =>
      replace(
        RowDatabase.prototype,
        'commitAll',
        (before) =>
          function (this: RowDatabase) {
            // A holder that says "clean" closes; one that doesn't yet recovers.
            if (this.holder === undefined || this.isClean) before.call(this)
          },
      ),
  },
  {
    name: 'committed offset surviving its topic',
    rule: 7,
    scenario: again,
    inCode: keepOffsetsOfTopics,
  },
]
