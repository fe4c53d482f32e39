// As little of an engine over a store as tests of moments need, and tasks that stop in the middle.
import * as assert from 'uvu/assert'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import type { Effect, Task } from '../../../bindings/storage/effect.ts'
import type { PartitionIdentity } from '../../../bindings/storage/partition-identity.ts'
import type { PartitionSource, SegmentConfig } from '../../../bindings/storage/partition-source.ts'
import type { StoredState } from '../../../bindings/storage/stored-state.ts'
import type { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

const RING_FILE_BYTES = 16_384
/** Of the log's own, so that no catalogue has to name them. */
export const SHOWN: PartitionIdentity = {
  topicId: 'b25jZWxvZy5wb3NpdGlvMQ',
  topic: '__oncelog_positions',
  partition: 0,
}
export const OTHER: PartitionIdentity = { topicId: 'b25jZWxvZy5vZmZzZXRzMQ', topic: '__consumer_offsets', partition: 0 }

/** Ring files of 16 KiB, two of them. */
export class Writer implements PartitionSource {
  readonly disk: VirtualDisk
  readonly store: FilePartitionStore
  readonly ceilings: Map<string, number> = new Map()
  readonly #ends = new Map<string, number>()
  readonly #segmentBytes: number

  constructor(disk: VirtualDisk, segmentBytes: number = 1 << 20, ringFileBytes: number = RING_FILE_BYTES) {
    this.disk = disk
    this.#segmentBytes = segmentBytes
    this.store = new FilePartitionStore(disk, newKernel(1 << 24), this, {
      ringFileBytes,
      ringFiles: 2,
      ringFilesUsual: 2,
      ringFilesMax: 2,
      openFilesMax: 64,
      random: () => 0.5,
    })
  }

  producers = (): readonly never[] => []
  logStartOffset = (): number => 0
  copyTail = (): boolean => false
  ceiling = ({ topic }: PartitionIdentity): number => this.ceilings.get(topic) ?? 0
  segmentConfig = (): SegmentConfig => {
    return { segmentBytes: this.#segmentBytes, segmentMs: 1e9, segmentIndexBytes: 1 << 20, indexIntervalBytes: 4096 }
  }

  begin(...ids: readonly PartitionIdentity[]): void {
    this.open()
    for (const id of ids) runNow(this.store.create(id))
  }

  /** Goes on where each partition ends. */
  open(): StoredState {
    const state = runNow(this.store.open())
    for (const { id, nextOffset } of state.partitions) this.#ends.set(id.topic, nextOffset)
    return state
  }

  /** In batches of 1000 bytes, as acks 1 has them: in their segment, and nobody waits for a flush. */
  append(id: PartitionIdentity, count: number, leaderEpoch = 0): void {
    for (let left = count; left > 0; ) {
      const baseOffset = this.#ends.get(id.topic) ?? 0
      if (!this.store.append(id, sealedBatch({ baseOffset, valueBytes: 900, leaderEpoch }), false)) {
        runNow(this.store.activate(id))
        continue
      }
      this.#ends.set(id.topic, baseOffset + 1)
      left--
    }
  }

  /** As acks all has it: in a frame, or synced and named in one. */
  commit(...durable: readonly PartitionIdentity[]): void {
    runNow(this.store.commit({ durable, decisions: [], ceilings: [], producerIdsEnd: undefined }))
  }

  checkpoint(): void {
    assert.ok(this.store.maintenanceIsDue(), 'a checkpoint was to be due')
    for (let due = this.store.maintenance(); due !== undefined; due = this.store.maintenance()) runNow(due)
  }
}

/** Runs it up to the first effect that `stops` it; the rest when it is called. */
export function held(task: Task<void>, stops: (effect: Effect) => boolean): () => void {
  for (let step = task.next(); step.done !== true; ) {
    const { value } = step
    const run = () => resumed(task, value)
    if ([value].flat().some(stops)) return () => finish(task, run())
    step = run()
  }
  throw new Error('it never came there')
}

function finish(task: Task<void>, begun: IteratorResult<Effect | readonly Effect[], void>): void {
  for (let step = begun; step.done !== true; ) step = resumed(task, step.value)
}

function resumed(task: Task<void>, asked: Effect | readonly Effect[]): ReturnType<Task<void>['next']> {
  let result: unknown
  try {
    result = 'run' in asked ? asked.run() : asked.map((effect) => effect.run())
  } catch (error) {
    return task.throw(error)
  }
  return task.next(result)
}
