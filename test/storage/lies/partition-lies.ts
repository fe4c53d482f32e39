import type { MemoryRowStore } from '../../../bindings/storage/drivers/memory-rows.ts'
import { nothing } from '../../../bindings/storage/effect.ts'
import type { CommitSet, PartitionStore, Rewrite } from '../../../bindings/storage/partition-store.ts'
import type { Mutable } from './lie.ts'

/** What a store of partitions may promise and not keep; it has the operations of an honest one. */
export interface PartitionLie {
  /** How the name of the case begins that tells. */
  readonly by: string
  lie(lying: Mutable<PartitionStore>, honest: MemoryRowStore): void
}

/** Commits something else than what is asked for. */
const committing = (change: (set: CommitSet) => CommitSet): PartitionLie['lie'] => {
  return (lying, honest) => {
    lying.commit = (set) => honest.commit(change(set))
  }
}

const rewriting = (change: (lying: Mutable<Rewrite>) => void): PartitionLie['lie'] => {
  return (lying, honest) => {
    lying.rewrite = function* (...part) {
      const rewrite = yield* honest.rewrite(...part)
      const changed: Mutable<Rewrite> = {
        append: (batch) => rewrite.append(batch),
        exchange: () => rewrite.exchange(),
        abandon: () => rewrite.abandon(),
      }
      change(changed)
      return changed
    }
  }
}

export const PARTITION_LIES: Readonly<Record<string, PartitionLie>> = {
  'a commit leaves out what was appended': {
    by: 'commit: of several partitions',
    lie: committing((set) => ({ ...set, durable: [] })),
  },
  'a commit leaves out the ceilings': {
    by: 'crash: no offset below the ceiling',
    lie: committing((set) => ({ ...set, ceilings: [] })),
  },
  'a commit leaves out the ids': {
    by: 'crash: ids that were promised',
    lie: committing((set) => ({ ...set, producerIdsEnd: undefined })),
  },
  'a commit is one for each partition': {
    by: 'commit: a crash between any of its steps',
    lie(lying, honest) {
      lying.commit = function* (set) {
        for (const decision of set.decisions) yield* honest.commit({ ...set, decisions: [decision] })
      }
    },
  },
  'a commit has its decisions before all else': {
    by: 'commit: a crash between any of its steps',
    lie(lying, honest) {
      lying.commit = function* (set) {
        yield* honest.commit({ ...set, ceilings: [], producerIdsEnd: undefined })
        yield* honest.commit({ ...set, decisions: [] })
      }
    },
  },
  'a commit that was begun places its decisions at once': {
    by: 'commit: decisions are readable when it ends',
    lie(lying, honest) {
      lying.commit = function* (set) {
        for (const decision of set.decisions) honest.append(decision.id, decision)
        yield* honest.commit({ ...set, decisions: [], durable: set.decisions.map(({ id }) => id) })
      }
    },
  },
  'nobody hears that a decision is placed': {
    by: 'commit: tells each decision once',
    lie: committing((set) => ({
      ...set,
      decisions: set.decisions.map((decision) => ({ ...decision, placed: undefined })),
    })),
  },
  'a decision is told twice that it is placed': {
    by: 'commit: tells each decision once',
    lie: committing((set) => ({
      ...set,
      decisions: set.decisions.map((decision) => {
        return { ...decision, placed: () => decision.placed?.() && decision.placed() }
      }),
    })),
  },
  'aborted transactions are forgotten': {
    by: 'commit: tells each decision once',
    lie(lying) {
      lying.abortedBetween = () => []
    },
  },
  'aborted transactions are known until the store is closed': {
    by: 'commit: tells each decision once',
    lie(lying, honest) {
      let isOfThisStore = false
      lying.commit = (set) => {
        isOfThisStore = true
        return honest.commit(set)
      }
      lying.abortedBetween = (...part) => (isOfThisStore ? honest.abortedBetween(...part) : [])
    },
  },
  'a read gives a batch that does not fit in part': {
    by: 'read: as many whole batches as fit',
    lie(lying, honest) {
      lying.read = (id, offset, into) => {
        const whole = new Uint8Array(into.length * 2)
        const count = honest.read(id, offset, whole)
        if (count === undefined || count < 0) return count
        into.set(whole.subarray(0, Math.min(count, into.length)))
        return Math.min(count, into.length)
      }
    },
  },
  'a partition has no ranges': {
    by: 'ranges and seal',
    lie(lying) {
      lying.ranges = () => []
    },
  },
  'a sealed range takes more': {
    by: 'ranges and seal',
    lie(lying, honest) {
      lying.ranges = (id) => {
        const [first, ...others] = honest.ranges(id)
        const last = others.at(-1) ?? first
        if (first === undefined || last === undefined) return []
        const sizeBytes = others.reduce((sum, each) => sum + each.sizeBytes, first.sizeBytes)
        const maxTimestamp = others.reduce((most, each) => Math.max(most, each.maxTimestamp), first.maxTimestamp)
        return [{ baseOffset: first.baseOffset, nextOffset: last.nextOffset, sizeBytes, maxTimestamp }]
      }
    },
  },
  'a removed partition stays': {
    by: 'remove: durable when the task ends',
    lie(lying) {
      lying.remove = () => nothing()
    },
  },
  'a removal of records is undone by an open': {
    by: 'deleteBefore: moves the log start',
    lie(lying) {
      lying.deleteBefore = function* () {
        yield* nothing()
        return 'done'
      }
    },
  },
  'a close forgets how far a pass came': {
    by: 'cleaned: where the next pass begins',
    lie(lying) {
      lying.cleaned = () => nothing()
    },
  },
  'a rewrite is believed though a part of it was removed': {
    by: 'rewrite: false, with nothing changed',
    lie: rewriting((lying) => {
      const { exchange } = lying
      lying.exchange = function* () {
        yield* exchange()
        return true
      }
    }),
  },
  'a rewrite keeps the views that it is given': {
    by: 'rewrite: seen from its commit on',
    lie: rewriting((lying) => {
      const { append, exchange } = lying
      const batches: Parameters<Rewrite['append']>[0][] = []
      lying.append = (batch) => void batches.push(batch)
      lying.exchange = () => {
        for (const batch of batches) append(batch)
        return exchange()
      }
    }),
  },
}
