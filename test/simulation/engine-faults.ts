import { Topics } from '../../bindings/engine/topics.ts'
import { FrameBuilder } from '../../bindings/log/journal/frame-builder.ts'
import { RESTATED_FILE } from '../../bindings/log/journal/layout.ts'
import { Ring } from '../../bindings/log/journal/ring.ts'
import { Checkpointer } from '../../bindings/log/store/checkpointer.ts'
import type { StoreFile } from '../../bindings/storage/file-store.ts'
import type { SystemUnderTest } from '../../bindings/testkit/simulation/crash/system-under-test.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { DiskFaults } from '../../bindings/testkit/simulation/faults.ts'
import type { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

export interface EngineFault {
  readonly name: string
  /** The rule of docs/durability.md that it breaks. */
  readonly rule: number
  /** Where it shows. */
  readonly scenario: string
  /** Breaks what the engine writes to. */
  readonly onDisk?: (disk: VirtualDisk) => void
  /** Breaks the engine itself; the answer mends it. */
  readonly inCode?: () => () => void
}

const one = 'single append, acks all'
const both = 'both acks in flight together'

const isPartition = (path: string): boolean => /-\d+$/.test(path)

/** Each takes one mechanism out. The simulation must tell every one of them from the right engine. */
export const ENGINE_FAULTS: readonly EngineFault[] = [
  { name: 'no flush at all', rule: 1, scenario: one, onDisk: (disk) => lieAbout(disk, '') },
  { name: 'frames are not flushed', rule: 1, scenario: one, onDisk: (disk) => lieAbout(disk, '.ring') },
  { name: 'segments are not flushed', rule: 4, scenario: one, onDisk: (disk) => lieAbout(disk, '.log') },
  { name: 'the checkpoint is not flushed', rule: 4, scenario: one, onDisk: (disk) => lieAbout(disk, 'checkpoint') },
  { name: 'no directory is synced', rule: 4, scenario: one, onDisk: (disk) => loseSyncs(disk, () => true) },
  { name: 'the root is not synced', rule: 7, scenario: one, onDisk: (disk) => loseSyncs(disk, (path) => path === '') },
  {
    name: 'partition directories are not synced',
    rule: 7,
    scenario: one,
    onDisk: (disk) => loseSyncs(disk, isPartition),
  },
  {
    name: 'the last frame is not restated',
    rule: 6,
    scenario: 'crash after crash, with decisions between',
    onDisk: (disk) => change(disk, RESTATED_FILE, { write: (bytes) => bytes.length }),
  },
  {
    name: 'tails are not cut',
    rule: 6,
    scenario: both,
    onDisk: (disk) => change(disk, '.log', { truncate: () => {} }),
  },
  {
    name: 'ceilings are not journaled',
    rule: 5,
    scenario: 'retries after a power failure that took acks 1',
    inCode: () => replace(FrameBuilder.prototype, 'ceiling', () => {}),
  },
  {
    name: 'producer ids are not journaled',
    rule: 8,
    scenario: one,
    inCode: () => replace(FrameBuilder.prototype, 'producerIds', () => {}),
  },
  { name: 'recovery forgets producers', rule: 8, scenario: one, inCode: forgetProducers },
  { name: 'checkpoints hold no partial sectors', rule: 4, scenario: one, inCode: forgetPartialSectors },
  { name: 'frames are written over their elders', rule: 1, scenario: both, inCode: reuseFrames },
]

export function faultySystem(fault: EngineFault): SystemUnderTest {
  return {
    name: `engine:${fault.name}`,
    open(host) {
      fault.onDisk?.(host.store as VirtualDisk)
      return engineSystem.open(host)
    },
  }
}

function lieAbout(disk: VirtualDisk, path: string): void {
  disk.faults = new DiskFaults([{ kind: 'flush', effect: 'lying', at: 1, isSticky: true, path }])
}

function loseSyncs(disk: VirtualDisk, isLost: (path: string) => boolean): void {
  const sync = disk.syncDirectory.bind(disk)
  disk.syncDirectory = (path) => {
    if (isLost(path)) disk.begin('syncDirectory', path)
    else sync(path)
  }
}

function change(disk: VirtualDisk, path: string, changes: Partial<StoreFile>): void {
  const open = disk.open.bind(disk)
  disk.open = (name, options) => {
    const file = open(name, options)
    return file !== undefined && name.includes(path) ? Object.assign(file, changes) : file
  }
}

function replace<T extends object, K extends keyof T & string>(prototype: T, name: K, method: T[K]): () => void {
  const before = prototype[name]
  prototype[name] = method
  return () => {
    prototype[name] = before
  }
}

function forgetProducers(): () => void {
  const { remember } = Topics.prototype
  return replace(Topics.prototype, 'remember', function (this: Topics, stored) {
    remember.call(
      this,
      stored.map((each) => ({ ...each, producers: [] })),
    )
  })
}

function forgetPartialSectors(): () => void {
  const { remember } = Checkpointer.prototype
  return replace(Checkpointer.prototype, 'remember', function (this: Checkpointer, key, record) {
    remember.call(this, key, { ...record, partialSector: new Uint8Array(0) })
  })
}

function reuseFrames(): () => void {
  const { take } = Ring.prototype
  return replace(Ring.prototype, 'take', function (this: Ring, sizeBytes, sequence) {
    return { ...take.call(this, sizeBytes, sequence), position: 0 }
  })
}
