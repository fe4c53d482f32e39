import { recoveryMarks } from '../../log/recovery-marks.ts'
import { WRITE_BUFFER_SIZES } from '../../log/segment/write-buffers.ts'
import { LogError } from '../../model/errors.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'
import type {
  PartitionView,
  SendAnswer,
  SendRequest,
  SystemHandle,
  SystemHost,
  SystemRecovery,
  SystemTopic,
  SystemUnderTest,
} from './crash/system-under-test.ts'
import { type HostSizes, SIMULATED_SIZES, SyncHost } from './sync-host.ts'
import { VirtualDisk } from './virtual-disk.ts'
import { VirtualRows } from './virtual-rows.ts'

interface EngineSizes extends HostSizes {
  /** segment.bytes of every topic. */
  readonly segmentBytes: number
}

/** A segment holds the largest batch of a scenario, and is soon full. */
const SMALL_SIZES: EngineSizes = { ...SIMULATED_SIZES, segmentBytes: 10_000 }

/**
 * Batches wait as in a log of full size (decision 015). A frame holds two of the largest of them, a segment a few
 * pieces.
 */
const FULL_SIZES: EngineSizes = {
  ringFileBytes: 128 * 1024,
  ringFiles: 2,
  writeBufferSizes: WRITE_BUFFER_SIZES,
  segmentBytes: 120_000,
}

/** The real engine, journal and segments under the simulator's hands. */
export const engineSystem: SystemUnderTest<VirtualDisk> = engineOf('engine', SMALL_SIZES)
export const fullSizeSystem: SystemUnderTest<VirtualDisk> = engineOf('engine-in-full-sizes', FULL_SIZES)

function engineOf(name: string, sizes: EngineSizes): SystemUnderTest<VirtualDisk> {
  return {
    name,
    storage: () => new VirtualDisk(),
    open(host): SystemHandle {
      const before = new Map(recoveryMarks.counts)
      const handle = new EngineHandle(host, sizes)
      for (const [mark, count] of recoveryMarks.counts) {
        const added = count - (before.get(mark) ?? 0)
        if (added > 0) host.marks.mark(mark, added)
      }
      return handle
    },
  }
}

/** The same engine over a database: each batch a row, each group commit a transaction. */
export const rowSystem: SystemUnderTest<VirtualRows> = {
  name: 'rows',
  storage: () => new VirtualRows(),
  open: (host) => new EngineHandle(host, SMALL_SIZES),
}

class EngineHandle implements SystemHandle {
  readonly recovery: SystemRecovery
  readonly #host: SyncHost
  readonly #segmentBytes: number
  readonly #generations = new Map<string, number>()

  constructor({ storage, order, observer }: SystemHost, sizes: EngineSizes) {
    this.#segmentBytes = sizes.segmentBytes
    this.#host = new SyncHost(storage, { order, observer, sizes })
    const report = this.#host.open()
    this.recovery = { isClean: report.clean, damage: describeDamage(report), isReadOnly: report.readOnly.length > 0 }
  }

  createTopic(topicId: string, topic: string, partitions: number): void {
    this.#host.createTopic(topicId, topic, partitions, { 'segment.bytes': this.#segmentBytes })
  }

  deleteTopic(name: string): void {
    this.#host.ask<void>((done) => ({ kind: 'deleteTopic', name, done }))
  }

  createPartitions(name: string, totalCount: number): void {
    this.#host.ask<void>((done) => ({ kind: 'createPartitions', name, totalCount, done }))
  }

  topics(): readonly SystemTopic[] {
    return this.#host.engine.catalogue.durable
      .live()
      .map(({ topicId, name, partitions }) => ({ topicId, topic: name, partitions }))
  }

  openProducer(): number {
    return this.#host.openProducer()
  }

  send(request: SendRequest, answered: (answer: SendAnswer) => void): void {
    this.#host.send(request, ({ error, value }) => {
      if (value !== undefined) answered({ baseOffset: value.baseOffset })
      else if (LogError.is(error)) answered({ errorCode: error.code })
      else throw error
    })
  }

  fetch(topic: string, partition: number): PartitionView {
    const records = this.#host.fetchAll(topic, partition)
    const { watermarks } = this.#host.engine.topics.partition(topic, partition).partition
    return { logStartOffset: watermarks.logStartOffset, endOffset: watermarks.highWatermark, records }
  }

  commitOffset(groupId: string, topic: string, partition: number, nextOffset: number): void {
    const memberId = `member-of-${groupId}`
    const { topicId } = this.#host.engine.topics.facts(topic)
    const known = this.#generations.get(groupId)
    const generation = known ?? this.#host.join(groupId, memberId, [topic])
    this.#generations.set(groupId, generation)
    const request = { groupId, memberId, generation, offsets: [{ topicId, partition, nextOffset }] }
    this.#host.ask<void>((done) => ({ kind: 'commitOffsets', request, done }))
  }

  committed(groupId: string, topic: string, partition: number): number | undefined {
    const { groups, topics } = this.#host.engine
    return groups.committed(groupId, topics.facts(topic).topicId, partition)?.nextOffset
  }

  committedTopicIds(groupId: string): readonly string[] {
    return this.#host.engine.groups.describe(groupId)?.offsets.map(({ topicId }) => topicId) ?? []
  }

  deleteRecords(topic: string, partition: number, beforeOffset: number): void {
    const at = [{ topic, partition, beforeOffset }]
    this.#host.ask<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
  }

  keepBytes(name: string, bytes: number): void {
    const changes = { 'retention.bytes': bytes }
    this.#host.ask<void>((done) => ({ kind: 'alterConfig', name, changes, done }))
  }

  passTime(byMs: number): void {
    this.#host.passTime(byMs)
  }

  advance(): boolean {
    return this.#host.advance()
  }

  close(): void {
    this.#host.close()
  }

  discard(): void {
    this.#host.discard()
  }
}

function describeDamage({ damage }: RecoveryReport): readonly string[] {
  return damage.map(({ file, position, offset, code }) => `${code} in ${file} at ${position}, offset ${offset}`)
}
