import { RestoredStates } from '../../../bindings/client/process/restored-states.ts'
import { ShareGroups } from '../../../bindings/coordinator/share/share-groups.ts'
import { SharePartition } from '../../../bindings/coordinator/share/share-partition.ts'
import { Transactions } from '../../../bindings/coordinator/transaction/transactions.ts'
import { Compacting } from '../../../bindings/engine/compacting.ts'
import { Fetches } from '../../../bindings/engine/fetches.ts'
import { LogStarts } from '../../../bindings/engine/log-starts.ts'
import { Removals } from '../../../bindings/engine/removals.ts'
import { nodeCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import { TopicTable } from '../../../bindings/log/catalogue/topic-table.ts'
import { OffsetMap } from '../../../bindings/log/compaction/offset-map.ts'
import { FrameBuilder } from '../../../bindings/log/journal/frame-builder.ts'
import { Journal } from '../../../bindings/log/journal/journal.ts'
import { Partition } from '../../../bindings/log/partition/partition.ts'
import { Segment } from '../../../bindings/log/segment/segment.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import { SegmentRewrite } from '../../../bindings/log/stored-files/segment-rewrite.ts'
import type { CompressionCodec, CompressionType } from '../../../bindings/model/compression.ts'
import { DecodedRecords } from '../../../bindings/model/decoded-records.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { POSITIONS_TOPIC } from '../../../bindings/model/names.ts'
import { FILE_SYSTEMS } from '../../../bindings/testkit/simulation/file-systems.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { checkpointBeforeSync, ignoreCrc } from '../code-faults.ts'
import { isFlushOf, type Mend, replace, withoutEffects } from '../fault-tools.ts'
import type { ChannelFault } from './faults.ts'
import type { Plan, Settings } from './plan.ts'

export interface SwarmFault extends ChannelFault {
  /** What of a drawn plan has to be so that it can show at all. */
  readonly settings?: Partial<Settings> | undefined
  readonly losesUnflushed?: true
}

/** For each thing that a run of the swarm can have, at least one mistake that only shows with it. */
export const SWARM_FAULTS: readonly SwarmFault[] = [
  { name: 'a log ends though its disk is well', kind: 'producers', plant: endForNothing },
  { name: 'who waits for records is passed over now and then', kind: 'producers', plant: wakeNowAndThen },
  {
    ...{ name: 'records have the time of their batch', kind: 'retention', plant: tellBatchTime },
    settings: { stampSpreadMs: 1000 },
  },
  { name: 'records have the key of the one before', kind: 'producers', plant: shiftKeys },
  { name: 'a read by time begins too late', kind: 'producers', plant: seekLate, settings: { stampSpreadMs: 1000 } },
  { name: 'records go before their time', kind: 'retention', plant: expireEarly, settings: { retentionMs: 500 } },
  { name: 'a moved start is forgotten by a restart', kind: 'retention', plant: forgetStarts },
  { name: 'a deletion is told before it is durable', kind: 'retention', plant: deleteAtOnce },
  { name: 'files below the start stay', kind: 'retention', plant: removeNothing },
  { name: 'the newest record of a key goes', kind: 'compaction', plant: dropNewest },
  { name: 'nothing is compacted', kind: 'compaction', plant: compactNothing },
  {
    ...{ name: 'a rewritten segment is not synced', kind: 'compaction', plant: rewriteUnsynced, losesUnflushed: true },
    settings: { segmentBytes: 1500, flushMsMax: 0.1, upkeepIntervalMs: 15, fileSystem: 'zeroed' },
  },
  {
    name: 'committed offsets go in compaction',
    kind: 'groups',
    plant: dropNewest,
    settings: { tableSegmentBytes: 2000 },
  },
  { name: 'an accepted record is accepted in memory', kind: 'shares', plant: acceptInMemory },
  { name: 'locks of a share group end early', kind: 'shares', plant: lockBriefly },
  { name: 'nobody asks whose lock it is', kind: 'shares', plant: acknowledgeForAnybody },
  { name: 'state outlives its transaction', kind: 'states', plant: keepState },
  { name: 'an aborted position of a source counts', kind: 'ingest', plant: countAbortedPositions },
  { name: 'epochs have no end', kind: 'transactions', plant: epochsWithoutEnd, settings: { epochsLeft: 3 } },
  { name: 'damage is told of one partition alone', kind: 'damaged', plant: tellOfOne },
  {
    ...{ name: 'damaged batches count as whole', kind: 'damaged', plant: ignoreCrc },
    // A wrong bit shows where it lies in a record.
    settings: { burst: 60, paddingBytes: 0 },
  },
  {
    ...{ name: 'ceilings are no part of a frame', kind: 'transactions', plant: forgetCeilings, losesUnflushed: true },
    settings: { slots: 2, inputs: 120, burst: 1, flushMsMax: 2, transactionBufferBytes: 300 },
  },
  ...(['gzip', 'snappy', 'lz4', 'zstd'] as const).map((type): SwarmFault => {
    const settings = { compression: [type], topicCompression: 'producer', burst: 200 } as const
    return { name: `${type} loses a bit`, kind: 'producers', plant: () => flipBit(type), settings }
  }),
  ...FILE_SYSTEMS.flatMap((fileSystem): SwarmFault[] => [
    {
      ...{ name: `${fileSystem}: directories are not synced`, kind: 'producers', plant: syncNoDirectory },
      ...{ settings: { fileSystem }, losesUnflushed: true },
    },
    {
      ...{ name: `${fileSystem}: checkpoints before segments are synced`, kind: 'producers' },
      ...{ plant: checkpointBeforeSync, settings: { fileSystem }, losesUnflushed: true },
    },
  ]),
]

/** The plan with what the fault needs. */
export function planFor(plan: Plan, { settings, losesUnflushed }: SwarmFault): Plan {
  const loses = losesUnflushed ?? plan.losesUnflushed
  return { ...plan, settings: { ...plan.settings, ...settings }, losesUnflushed: loses }
}

/** The next holder goes on as if nothing had been. */
function endForNothing(): Mend {
  let frames = 0
  return replace(
    Journal.prototype,
    'writeFrame',
    (before) =>
      function (this: Journal, ...frame) {
        if (++frames % 30 === 0) throw new Error('for nothing')
        return before.apply(this, frame)
      },
  )
}

function wakeNowAndThen(): Mend {
  let times = 0
  return replace(
    Fetches.prototype,
    'advanced',
    (before) =>
      function (this: Fetches, partition) {
        if (++times % 7 > 0) before.call(this, partition)
      },
  )
}

function tellBatchTime(): Mend {
  return replace(
    DecodedRecords.prototype,
    'timestampOf',
    (before) =>
      function (this: DecodedRecords) {
        return before.call(this, 0)
      },
  )
}

function shiftKeys(): Mend {
  return replace(
    DecodedRecords.prototype,
    'keyOf',
    (before) =>
      function (this: DecodedRecords, index) {
        return before.call(this, Math.max(0, index - 1))
      },
  )
}

function forgetCeilings(): Mend {
  return replace(FrameBuilder.prototype, 'ceiling', () => () => {})
}

/** Readers of the others pass over it. */
function tellOfOne(): Mend {
  return replace(
    Partition.prototype,
    'read',
    (before) =>
      function (this: Partition, offset, endOffset, maxBytes) {
        try {
          return before.call(this, offset, endOffset, maxBytes)
        } catch (error) {
          if (this.id.partition === 0 || !LogError.is(error, 'CORRUPT_MESSAGE')) throw error
          return { batches: [], nextOffset: endOffset, sizeBytes: 0, missing: undefined, missingAborted: undefined }
        }
      },
  )
}

function seekLate(): Mend {
  return replace(
    Segment.prototype,
    'seekTimestamp',
    (before) =>
      function (this: Segment, timestamp) {
        return before.call(this, timestamp + 100)
      },
  )
}

function expireEarly(): Mend {
  return replace(
    FilePartitionStore.prototype,
    'ranges',
    (before) =>
      function (this: FilePartitionStore, id) {
        return before.call(this, id).map(({ baseOffset, nextOffset, sizeBytes, maxTimestamp }) => {
          return { baseOffset, nextOffset, sizeBytes, maxTimestamp: maxTimestamp - 300 }
        })
      },
  )
}

function forgetStarts(): Mend {
  return replace(
    TopicTable.prototype,
    'apply',
    (before) =>
      function (this: TopicTable, entry) {
        if (entry.kind !== 'log-start-moved') before.call(this, entry)
      },
  )
}

function deleteAtOnce(): Mend {
  return replace(LogStarts.prototype, 'move', () => (moves, done) => {
    for (const { hosted, logStartOffset } of moves) {
      const { watermarks } = hosted.partition
      watermarks.logStartOffset = Math.max(watermarks.logStartOffset, logStartOffset)
    }
    done(undefined)
  })
}

function removeNothing(): Mend {
  return replace(Removals.prototype, 'next', () => () => undefined)
}

/** Of each key the map has one offset too many. */
function dropNewest(): Mend {
  return replace(
    OffsetMap.prototype,
    'getHashed',
    (before) =>
      function (this: OffsetMap, hashes, from) {
        const offset = before.call(this, hashes, from)
        return offset < 0 ? offset : offset + 1
      },
  )
}

function compactNothing(): Mend {
  return replace(Compacting.prototype, 'next', () => () => undefined)
}

function rewriteUnsynced(): Mend {
  return replace(
    SegmentRewrite.prototype,
    'exchange',
    (before) =>
      function (this: SegmentRewrite) {
        return withoutEffects(before.call(this), isFlushOf('.cleaned'), () => {})
      },
  )
}

function acceptInMemory(): Mend {
  return replace(
    ShareGroups.prototype,
    'planAcknowledge',
    (before) =>
      function (this: ShareGroups, at, request) {
        before.call(this, at, request)
        return []
      },
  )
}

function lockBriefly(): Mend {
  return replace(
    SharePartition.prototype,
    'acquire',
    (before) =>
      function (this: SharePartition, request, limitOffset) {
        return before.call(this, { ...request, lockMs: request.lockMs / 4 }, limitOffset)
      },
  )
}

function acknowledgeForAnybody(): Mend {
  return replace(
    SharePartition.prototype,
    'acknowledge',
    (before) =>
      function (this: SharePartition, ...asked) {
        before.apply(this, asked)
        return undefined
      },
  )
}

/**
 * Two runs of one source at once show nothing here: that they fence each other is held by the epoch of a transaction
 * too.
 */
function countAbortedPositions(): Mend {
  return replace(
    Partition.prototype,
    'readCommitted',
    (before) =>
      function (this: Partition, offset, maxBytes) {
        if (this.id.topic !== POSITIONS_TOPIC) return before.call(this, offset, maxBytes)
        return this.read(offset, this.lastStableOffset, maxBytes)
      },
  )
}

function keepState(): Mend {
  return replace(RestoredStates.prototype, 'forget', () => () => {})
}

function epochsWithoutEnd(): Mend {
  return replace(Transactions.prototype, 'endNeedsProducerId', () => () => false)
}

function flipBit(type: CompressionType): Mend {
  const codec = nodeCodecs[type] as CompressionCodec
  return replace(
    codec,
    'decompress',
    (before) =>
      function (this: CompressionCodec, bytes, maxBytes) {
        const out = before.call(this, bytes, maxBytes).slice()
        // Within the last value, whatever stands before it.
        const at = out.length - 3
        out[at] = (out[at] ?? 0) ^ 1
        return out
      },
  )
}

function syncNoDirectory(): Mend {
  return replace(
    VirtualDisk.prototype,
    'beginSync',
    () =>
      function (this: VirtualDisk, directory) {
        return () => this.begin('syncDirectory', directory)
      },
  )
}
