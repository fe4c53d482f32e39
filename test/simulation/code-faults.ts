// Mechanisms of the engine that are taken out of its code; each returns a function that restores it.
import { Groups } from '../../bindings/coordinator/group/groups.ts'
import { OpenTransaction } from '../../bindings/coordinator/transaction/open-transaction.ts'
import { Topics } from '../../bindings/engine/topics.ts'
import { Transacting } from '../../bindings/engine/transacting.ts'
import { KernelBatchReader } from '../../bindings/kernel/batch-reader.ts'
import { TopicTable } from '../../bindings/log/catalogue/topic-table.ts'
import { partitionKey } from '../../bindings/log/files/partition-key.ts'
import { Journal } from '../../bindings/log/journal/journal.ts'
import { SECTOR_BYTES } from '../../bindings/log/journal/layout.ts'
import { type FramePlace, Ring } from '../../bindings/log/journal/ring.ts'
import { Partition } from '../../bindings/log/partition/partition.ts'
import { NotedFiles } from '../../bindings/log/recovery/noted-files.ts'
import { Checkpointer } from '../../bindings/log/store/checkpointer.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { GroupCommit } from '../../bindings/log/store/group-commit.ts'
import type { StoredFiles } from '../../bindings/log/stored-files/stored-files.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { Effect } from '../../bindings/storage/effect.ts'
import { FlushFailure } from '../../bindings/storage/flush-failure.ts'
import {
  isFlushOf,
  isSyncOfPartition,
  type Mend,
  postponed,
  replace,
  triedAgain,
  watched,
  withoutEffects,
} from './fault-tools.ts'

/** Write and flush are effects of their own then, which a fault can part. */
const AWAITED = { isAwaited: true }

/** Whoever sends in a transaction may, and nobody keeps where. */
export function admitEverybody(): Mend {
  const unknown = { producerId: -1, producerEpoch: -1 }
  return replace(Transacting.prototype, 'admit', () => () => new OpenTransaction('', unknown, 0, 0))
}

export function ignoreStableOffset(): Mend {
  const before = Object.getOwnPropertyDescriptor(Partition.prototype, 'lastStableOffset') as PropertyDescriptor
  const get = function (this: Partition): number {
    return this.watermarks.highWatermark
  }
  Object.defineProperty(Partition.prototype, 'lastStableOffset', { ...before, get })
  return () => {
    Object.defineProperty(Partition.prototype, 'lastStableOffset', before)
  }
}

/** Nothing is reported, and nothing is lost: but sends to what an unclean open brought back are refused. */
export function refuseAfterRecovery(): Mend {
  return replace(
    Partition.prototype,
    'append',
    (before) =>
      function (this: Partition, request) {
        if (!this.id.topic.startsWith('__') && request.leaderEpoch > 0) throw new LogError('CORRUPT_LOG', 'for nothing')
        return before.call(this, request)
      },
  )
}

/** The flush comes with the next frame. */
export function acknowledgeBeforeFlush(): Mend {
  const late = new WeakMap<Journal, Effect>()
  return replace(
    Journal.prototype,
    'writeFrame',
    (before) =>
      function* (this: Journal) {
        const earlier = late.get(this)
        late.delete(this)
        if (earlier !== undefined) yield earlier
        return yield* withoutEffects(before.call(this, AWAITED), isFlushOf('.ring'), (effect) => late.set(this, effect))
      },
  )
}

/**
 * A frame's flush that failed is asked for again, and believed: the device has nothing left to write, and says that it
 * is done.
 */
export function tryFlushAgain(): Mend {
  const mends = [
    replace(FlushFailure.prototype, 'run', () => (flush) => flush()),
    replace(
      Journal.prototype,
      'writeFrame',
      (before) =>
        function (this: Journal) {
          return triedAgain(before.call(this, AWAITED), isFlushOf('.ring'))
        },
    ),
  ]
  return () => {
    for (const mend of mends) mend()
  }
}

/** Each frame is followed by an empty one before any of the two is flushed. */
export function writeTwoFramesAtOnce(): Mend {
  return replace(
    Journal.prototype,
    'writeFrame',
    (before) =>
      function* (this: Journal) {
        const flushes: Effect[] = []
        yield* withoutEffects(before.call(this, AWAITED), isFlushOf('.ring'), (effect) => flushes.push(effect))
        this.beginFrame()
        const sequence = yield* before.call(this, AWAITED)
        for (const flush of flushes) yield flush
        return sequence
      },
  )
}

/** Decisions go to their segment while their frame isn't flushed; what was asked for is answered after the flush. */
export function decideBeforeFrame(): Mend {
  return replace(
    GroupCommit.prototype,
    'run',
    (before) =>
      function (this: GroupCommit, set) {
        return postponed(before.call(this, set), isFlushOf('.ring'))
      },
  )
}

export function checkpointBeforeSync(): Mend {
  const isSync = (effect: Effect): boolean => isFlushOf('.log')(effect) || isSyncOfPartition(effect)
  return changeCheckpoints((write) => postponed(write(), isSync))
}

/** What reads back is taken for durable. */
export function trustWhatIsRead(): Mend {
  return replace(
    FilePartitionStore.prototype,
    'open',
    (before) =>
      function (this: FilePartitionStore) {
        return withoutEffects(before.call(this), isFlushOf('.log'), () => {})
      },
  )
}

export function ignoreCrc(): Mend {
  const mends = [
    replace(
      KernelBatchReader.prototype,
      'fault',
      (before) =>
        function (this: KernelBatchReader, ...batch) {
          const fault = before.apply(this, batch)
          return fault === 'bad-crc' ? undefined : fault
        },
    ),
    replace(
      KernelBatchReader.prototype,
      'decode',
      () =>
        function (this: KernelBatchReader, ...batch) {
          return this.decodeIntact(...batch)
        },
    ),
  ]
  return () => {
    for (const mend of mends) mend()
  }
}

/** Neither does a topic's delete end its offsets, nor does an opening see that their topic is gone. */
export function keepOffsetsOfTopics(): Mend {
  const mends = [
    replace(Groups.prototype, 'planTopicDelete', () => () => []),
    replace(Groups.prototype, 'topicDeleted', () => () => {}),
    replace(Groups.prototype, 'planLeftovers', () => () => []),
  ]
  return () => {
    for (const mend of mends) mend()
  }
}

/** While the log opens, deleted topics count as live ones. */
export function replayDeadTopics(): Mend {
  let opening = 0
  const mends = [
    replace(
      FilePartitionStore.prototype,
      'open',
      (before) =>
        function* (this: FilePartitionStore) {
          const task = before.call(this)
          let step = task.next()
          while (step.done !== true) {
            const result: unknown = yield step.value
            opening++
            step = task.next(result)
            opening--
          }
          return step.value
        },
    ),
    replace(
      TopicTable.prototype,
      'live',
      (before) =>
        function (this: TopicTable) {
          return opening > 0 ? [...before.call(this), ...this.dead()] : before.call(this)
        },
    ),
  ]
  return () => {
    for (const mend of mends) mend()
  }
}

/** Before each frame the last sector of the one before is written again, as it is. */
export function rewriteLastSector(): Mend {
  const last = new WeakMap<Ring, FramePlace & { readonly end: number }>()
  return replace(
    Ring.prototype,
    'take',
    (before) =>
      function (this: Ring, sizeBytes, sequence) {
        const earlier = last.get(this)
        if (earlier !== undefined) {
          const start = Math.floor((earlier.end - 1) / SECTOR_BYTES) * SECTOR_BYTES
          const sector = new Uint8Array(earlier.end - start)
          earlier.file.read(sector, start)
          earlier.file.write(sector, start)
        }
        const place = before.call(this, sizeBytes, sequence)
        last.set(this, { ...place, end: place.position + sizeBytes })
        return place
      },
  )
}

/** Frames are written over their elders. */
export function reuseFrames(): Mend {
  return replace(
    Ring.prototype,
    'take',
    (before) =>
      function (this: Ring, sizeBytes, sequence) {
        return { ...before.call(this, sizeBytes, sequence), position: 0 }
      },
  )
}

/** A close gives the ring back before its checkpoint covers what stands there. */
export function giveRingBackFirst(): Mend {
  const rings = new WeakMap<FilePartitionStore, Ring>()
  const opened: Ring[] = []
  const mends = [
    replace(
      Ring.prototype,
      'grow',
      (before) =>
        function* (this: Ring, fileCount) {
          opened.push(this)
          yield* before.call(this, fileCount)
        },
    ),
    replace(
      FilePartitionStore.prototype,
      'open',
      (before) =>
        function* (this: FilePartitionStore) {
          const state = yield* before.call(this)
          const ring = opened.at(-1)
          if (ring !== undefined) rings.set(this, ring)
          return state
        },
    ),
    replace(
      FilePartitionStore.prototype,
      'close',
      (before) =>
        function* (this: FilePartitionStore) {
          yield* rings.get(this)?.shrink() ?? []
          yield* before.call(this)
        },
    ),
  ]
  return () => {
    for (const mend of mends) mend()
  }
}

/** What no frame names is taken as the checkpoint noted it. */
export function trustNotedPartitions(): Mend {
  return replace(
    NotedFiles.prototype,
    'areAsNoted',
    (before) =>
      function* (this: NotedFiles, files, names, partialSector) {
        yield* before.call(this, files, names, partialSector)
        return true
      },
  )
}

export function forgetPartialSectors(): Mend {
  return replace(
    Checkpointer.prototype,
    'remember',
    (before) =>
      function (this: Checkpointer, key, record) {
        before.call(this, key, { ...record, partialSector: new Uint8Array(0) })
      },
  )
}

/** The checkpoint's ends are those after its syncs. */
export function noteEndsAfterSync(): Mend {
  const writing = new WeakMap<Checkpointer, ReadonlyMap<string, StoredFiles>>()
  const mends = [
    changeCheckpoints((write, partitions, checkpointer) => {
      const byKey = new Map(partitions.map((files) => [partitionKey(files.id.topicId, files.id.partition), files]))
      writing.set(checkpointer, byKey)
      return write()
    }),
    replace(
      Checkpointer.prototype,
      'remember',
      (before) =>
        function (this: Checkpointer, key, record) {
          const files = writing.get(this)?.get(key)
          if (files?.segments.active?.file === undefined) return before.call(this, key, record)
          const { active } = files.segments
          const partialSector = new Uint8Array(active.sizeBytes % SECTOR_BYTES)
          active.file?.read(partialSector, active.sizeBytes - partialSector.length)
          const segments = files.segments.all.map((segment) => segment.facts())
          before.call(this, key, { ...record, segments, partialSector, nextOffset: files.nextOffset })
        },
    ),
  ]
  return () => {
    for (const mend of mends) mend()
  }
}

/** A segment that is written to while a checkpoint syncs it counts as synced, as if its mark went only then. */
export function forgetWritesBesideSync(): Mend {
  return changeCheckpoints((write, partitions) => {
    return watched(write(), isFlushOf('.log'), ({ target }) => {
      for (const { unsynced } of partitions) {
        for (const segment of unsynced) if (segment.logPath === target) unsynced.delete(segment)
      }
    })
  })
}

export function syncNewestFileOnly(): Mend {
  return changeCheckpoints((write, partitions) => {
    for (const { segments, unsynced } of partitions) {
      for (const segment of unsynced) if (segment !== segments.active) unsynced.delete(segment)
    }
    return write()
  })
}

/** A checkpoint holds the producers of those partitions only that changed since the last one. */
export function dropUnchangedWindows(): Mend {
  const records = new WeakMap<Checkpointer, Map<string, Parameters<Checkpointer['remember']>[1]>>()
  const mends = [
    replace(
      Checkpointer.prototype,
      'remember',
      (before) =>
        function (this: Checkpointer, key, record) {
          records.set(this, (records.get(this) ?? new Map()).set(key, record))
          before.call(this, key, record)
        },
    ),
    changeCheckpoints((write, partitions, checkpointer) => {
      for (const files of partitions) {
        const key = partitionKey(files.id.topicId, files.id.partition)
        const record = records.get(checkpointer)?.get(key)
        if (!files.hasChanged && record !== undefined) checkpointer.remember(key, { ...record, producers: [] })
      }
      return write()
    }),
  ]
  return () => {
    for (const mend of mends) mend()
  }
}

export function answerDuplicatesAtOnce(): Mend {
  return replace(
    Partition.prototype,
    'append',
    (before) =>
      function (this: Partition, request) {
        const appended = before.call(this, request)
        return appended?.isDuplicate === true ? { ...appended, nextOffset: 0 } : appended
      },
  )
}

export function forgetProducers(): Mend {
  return replace(
    Topics.prototype,
    'remember',
    (before) =>
      function (this: Topics, stored) {
        before.call(
          this,
          stored.map((each) => ({ ...each, producers: [] })),
        )
      },
  )
}

type WriteCheckpoint = Checkpointer['write']

function changeCheckpoints(
  change: (
    write: () => ReturnType<WriteCheckpoint>,
    partitions: readonly StoredFiles[],
    checkpointer: Checkpointer,
  ) => ReturnType<WriteCheckpoint>,
): Mend {
  return replace(
    Checkpointer.prototype,
    'write',
    (before) =>
      function (this: Checkpointer, partitions, facts, place, atOnce) {
        const all = [...partitions]
        return change(() => before.call(this, all, facts, place, atOnce), all, this)
      },
  )
}
