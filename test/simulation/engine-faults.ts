import { Groups } from '../../bindings/coordinator/group/groups.ts'
import { FrameBuilder } from '../../bindings/log/journal/frame-builder.ts'
import { RESTATED_FILE } from '../../bindings/log/journal/layout.ts'
import type { ExploreOptions } from '../../bindings/testkit/simulation/crash/exploration.ts'
import type { SystemUnderTest } from '../../bindings/testkit/simulation/crash/system-under-test.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import type { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import * as code from './code-faults.ts'
import { changeFiles, lieAbout, loseSyncs, replace } from './fault-tools.ts'

export interface EngineFault {
  readonly name: string
  /** The rule of docs/durability.md that it breaks. */
  readonly rule: number
  /** Where it shows. */
  readonly scenario: string
  /** Where it shows soonest, if not among deeply nested crashes. */
  readonly explore?: Partial<ExploreOptions>
  /** Breaks what the engine writes to. */
  readonly onDisk?: (disk: VirtualDisk) => void
  /** Breaks the engine itself; the answer mends it. */
  readonly inCode?: () => () => void
}

const shallow = { images: 5, pointChance: 1, nestedChances: [0, 0] }

const one = 'single append, acks all'
const both = 'both acks in flight together'
const again = 'topic created, deleted and made anew'
const segments = 'acks 1 only, over several segments'

const isPartition = (path: string): boolean => /-\d+$/.test(path)

/** Each takes one mechanism out. The simulation must tell every one of them from the right engine. */
export const ENGINE_FAULTS: readonly EngineFault[] = [
  { name: 'ack before flush', rule: 1, scenario: one, inCode: code.acknowledgeBeforeFlush },
  { name: 'frame after next frame', rule: 1, scenario: both, inCode: code.writeTwoFramesAtOnce },
  { name: 'sector of an acknowledged frame rewritten', rule: 1, scenario: both, inCode: code.rewriteLastSector },
  { name: 'frames written over their elders', rule: 1, scenario: both, inCode: code.reuseFrames },
  {
    name: 'ring given back before the checkpoint',
    rule: 4,
    scenario: 'ring wraps several times',
    inCode: code.giveRingBackFirst,
  },
  { name: 'recovered partitions take nothing', rule: 6, scenario: both, inCode: code.refuseAfterRecovery },
  { name: 'no flush at all', rule: 1, scenario: one, onDisk: (disk) => lieAbout(disk, '') },
  {
    name: 'decision before frame',
    rule: 3,
    scenario: 'committed offsets',
    explore: { ...shallow, images: 12 },
    inCode: code.decideBeforeFrame,
  },
  { name: 'checkpoint before sync', rule: 4, scenario: 'checkpoint while writing', inCode: code.checkpointBeforeSync },
  {
    name: 'end noted after the sync',
    rule: 4,
    scenario: 'appends at every step of a checkpoint',
    explore: shallow,
    inCode: code.noteEndsAfterSync,
  },
  {
    name: 'what is written during a sync counts as synced',
    rule: 4,
    scenario: 'appends at every step of a checkpoint',
    explore: { ...shallow, images: 3, pointChance: 0.3 },
    inCode: code.forgetWritesBesideSync,
  },
  { name: 'only the newest file synced', rule: 4, scenario: segments, inCode: code.syncNewestFileOnly },
  {
    name: 'unchanged window dropped',
    rule: 4,
    scenario: 'one partition rests',
    explore: shallow,
    inCode: code.dropUnchangedWindows,
  },
  { name: 'partial sector not kept', rule: 4, scenario: one, inCode: code.forgetPartialSectors },
  { name: 'segments not flushed', rule: 4, scenario: one, onDisk: (disk) => lieAbout(disk, '.log') },
  { name: 'checkpoint not flushed', rule: 4, scenario: one, onDisk: (disk) => lieAbout(disk, 'checkpoint') },
  { name: 'no directory sync', rule: 7, scenario: one, onDisk: (disk) => loseSyncs(disk, () => true) },
  { name: 'root not synced', rule: 7, scenario: one, onDisk: (disk) => loseSyncs(disk, (path) => path === '') },
  { name: 'partitions not synced', rule: 7, scenario: one, onDisk: (disk) => loseSyncs(disk, isPartition) },
  {
    name: 'ceiling ignored',
    rule: 5,
    scenario: 'retries after a power failure that took acks 1',
    inCode: () => replace(FrameBuilder.prototype, 'ceiling', () => () => {}),
  },
  { name: 'recovery that trusts what it reads back', rule: 6, scenario: segments, inCode: code.trustWhatIsRead },
  {
    name: 'last frame not restated',
    rule: 6,
    scenario: 'crash after crash, with decisions between',
    explore: { images: 7, pointChance: 1, nestedChances: [0.3, 0.02] },
    onDisk: (disk) => changeFiles(disk, RESTATED_FILE, { write: (bytes) => bytes.length }),
  },
  { name: 'CRC ignored', rule: 6, scenario: segments, inCode: code.ignoreCrc },
  { name: 'dead topic replayed', rule: 7, scenario: again, inCode: code.replayDeadTopics },
  {
    name: 'committed offset surviving its topic',
    rule: 7,
    scenario: again,
    inCode: code.keepOffsetsOfTopics,
  },
  {
    name: 'committed offset that a crash saves from the end of its topic',
    rule: 7,
    scenario: 'topic deleted of which a group has more offsets than a frame holds',
    // A crash between the delete and its tombstones shows it, whatever the disk keeps: one of few points among many.
    explore: { ...shallow, images: 2 },
    inCode: () => replace(Groups.prototype, 'planLeftovers', () => () => []),
  },
  {
    name: 'producer id given twice',
    rule: 8,
    scenario: one,
    inCode: () => replace(FrameBuilder.prototype, 'producerIds', () => () => {}),
  },
  {
    name: 'duplicate answered before its original',
    rule: 8,
    scenario: 'duplicates while the log lives, at other acks',
    inCode: code.answerDuplicatesAtOnce,
  },
  {
    name: 'partitions without a frame taken as they were noted',
    rule: 6,
    scenario: segments,
    inCode: code.trustNotedPartitions,
  },
  { name: 'recovery forgets producers', rule: 8, scenario: one, inCode: code.forgetProducers },
  {
    name: 'failed flush tried again',
    rule: 10,
    scenario: 'flush fails, then the log is opened anew',
    explore: { ...shallow, images: 1 },
    inCode: code.tryFlushAgain,
  },
]

export function faultySystem(fault: EngineFault): SystemUnderTest<VirtualDisk> {
  return {
    ...engineSystem,
    name: `engine:${fault.name}`,
    open(host) {
      fault.onDisk?.(host.storage)
      return engineSystem.open(host)
    },
  }
}
