import { LogError } from '../../bindings/model/errors.ts'
import { writeFully } from '../../bindings/storage/checked-write.ts'
import type { FileStore, StoreFile } from '../../bindings/storage/file-store.ts'
import type {
  PartitionView,
  SendAnswer,
  SendRequest,
  SystemHandle,
  SystemHost,
  SystemRecovery,
  SystemTopic,
  SystemUnderTest,
} from '../../bindings/testkit/simulation/crash/system-under-test.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { now } from './now.ts'
import { type Entry, frameOf, readFrame, type ToyFault } from './toy-entries.ts'
import { ToyState } from './toy-state.ts'

const SEGMENT_BYTES = 8192
const CHECKPOINT_EVERY = 7
const BLOCK = 8

interface Checkpoint {
  readonly generation: number
  readonly number: number
  readonly segment: number
  readonly position: number
  readonly isClean: boolean
}

/**
 * A segmented log with a checkpoint, small enough to be seen right: everything is an entry, a frame is what one flush
 * covers.
 */
export class ToyLog implements SystemHandle {
  readonly #store: FileStore
  readonly #host: SystemHost<VirtualDisk>
  readonly #faults: ReadonlySet<ToyFault>
  readonly #state: ToyState
  #generation = 0
  #segment = 0
  #file: StoreFile | undefined
  #position = 0
  #flushedTo = 0
  #sequence = 0
  #frame = 0
  #isNewSegment = false
  #appends = 0
  #checkpoint: Checkpoint = { generation: 0, number: 0, segment: 0, position: 0, isClean: true }
  #idsEnd = 0
  #nextId = 0
  readonly #touched = new Map<string, { topicId: string; partition: number }>()
  recovery: SystemRecovery = { isClean: true, damage: [], isReadOnly: false }

  constructor(host: SystemHost<VirtualDisk>, faults: ReadonlySet<ToyFault>) {
    this.#host = host
    this.#store = host.storage
    this.#faults = faults
    this.#state = new ToyState(faults)
    this.#recover()
  }

  #open(path: string, create = true): StoreFile | undefined {
    return this.#store.open(path, { create }) as StoreFile | undefined
  }

  get #directory(): string {
    return `log-${this.#generation}`
  }

  // Recovery

  #recover(): void {
    this.#readCheckpoints()
    const found: { readonly file: StoreFile; readonly end: number }[] = []
    let isCut = false
    for (const name of this.#store.list(this.#directory) as readonly string[]) {
      if (isCut) break
      const file = this.#open(`${this.#directory}/${name}`) as StoreFile
      const end = this.#replay(file)
      isCut = end < file.size()
      if (isCut) this.#host.marks.mark('tail-cut')
      found.push({ file, end })
    }
    const damage = this.#damageIn(found)
    this.#segment = Math.max(0, found.length - 1)
    this.#file = found.at(-1)?.file
    this.#position = found.at(-1)?.end ?? 0
    const isClean = this.#isAtCleanEnd() && !isCut
    if (this.#file === undefined) this.#newSegment(0)
    else if (!isClean && damage.length === 0) this.#writeAgain(found)
    this.#state.opened()
    this.#nextId = this.#idsEnd = this.#state.idsEnd
    this.#flushedTo = this.#position
    this.recovery = { isClean, damage, isReadOnly: damage.length > 0 }
    if (!isClean) this.#host.marks.mark('unclean')
  }

  /** What the checkpoint says is durable must be there. */
  #damageIn(found: readonly { readonly end: number }[]): readonly string[] {
    const { segment, position } = this.#checkpoint
    const end = found[segment]?.end ?? 0
    return end < position ? [`${this.#directory}, segment ${segment}, at ${end}`] : []
  }

  #isAtCleanEnd(): boolean {
    const { number, isClean, segment, position } = this.#checkpoint
    // A file without a checkpoint was begun by a log that died.
    const isBegun = this.#file === undefined || number > 0
    return isBegun && isClean && segment === this.#segment && position === this.#position
  }

  #readCheckpoints(): void {
    for (const place of [0, 1]) {
      const file = this.#open(`checkpoint-${place}`, false)
      const frame = file && readFrame(file, 0, false)
      if (frame === undefined) continue
      const found = frame.entry as unknown as Checkpoint
      if (found.number > this.#checkpoint.number) this.#checkpoint = found
    }
    this.#generation = this.#checkpoint.generation
  }

  #replay(file: StoreFile): number {
    let position = 0
    for (;;) {
      const frame = readFrame(file, position, this.#faults.has('crc-ignored'))
      if (frame === undefined) return position
      if (frame.sequence !== this.#sequence && !this.#faults.has('stale-tail')) return position
      this.#sequence = frame.sequence + 1
      this.#state.apply(frame.entry)
      position += this.#spanOf(frame.lengthBytes)
    }
  }

  /**
   * Reading back proves nothing: what may be in the page cache only is written once more. On fresh sectors, since a
   * crash meanwhile would damage the only copy.
   */
  #writeAgain(found: readonly { readonly file: StoreFile; readonly end: number }[]): void {
    if (this.#faults.has('stale-tail')) return
    if (this.#faults.has('trusts-what-it-reads')) {
      const last = found.at(-1)
      last?.file.truncate(last.end)
      return
    }
    const former = this.#directory
    this.#generation++
    for (const name of this.#store.list(this.#directory) as readonly string[]) {
      now(this.#store.remove(`${this.#directory}/${name}`))
    }
    for (const [number, { file, end }] of found.entries()) {
      const bytes = new Uint8Array(end)
      file.read(bytes, 0)
      this.#newSegment(number)
      if (end > 0) writeFully(this.#file as StoreFile, bytes, 0)
      now(this.#file?.flush())
      this.#position = end
    }
    this.#syncDirectories()
    this.#isNewSegment = false
    this.#flushedTo = this.#position
    this.#writeCheckpoint(false)
    for (const name of this.#store.list(former) as readonly string[]) now(this.#store.remove(`${former}/${name}`))
  }

  #syncDirectories(): void {
    if (this.#faults.has('no-directory-sync')) return
    now(this.#store.syncDirectory(this.#directory))
    now(this.#store.syncDirectory(''))
  }

  // Writing

  #spanOf(lengthBytes: number): number {
    // No sector that holds an acknowledged entry is written again.
    const unit = this.#faults.has('sector-rewritten') ? 16 : 512
    return Math.ceil(lengthBytes / unit) * unit
  }

  #newSegment(number: number): void {
    this.#segment = number
    this.#file = this.#open(`${this.#directory}/${String(number).padStart(6, '0')}`)
    this.#position = 0
    this.#flushedTo = 0
    this.#isNewSegment = true
  }

  #append(entry: Entry): void {
    const bytes = frameOf(this.#sequence, entry)
    const span = this.#spanOf(bytes.length)
    if (this.#position + span > SEGMENT_BYTES) {
      this.#host.marks.mark('roll')
      if (!this.#faults.has('roll-without-flush')) this.#flush()
      this.#newSegment(this.#segment + 1)
    }
    writeFully(this.#file as StoreFile, bytes, this.#position)
    this.#sequence++
    this.#position += span
    this.#state.apply(entry)
    if (entry.kind === 'data') this.#touched.set(`${entry.topicId}/${entry.partition}`, entry)
    if (++this.#appends % CHECKPOINT_EVERY === 0) this.#writeCheckpoint(false)
  }

  #flush(): void {
    if (this.#flushedTo === this.#position && !this.#isNewSegment) return
    const { observer } = this.#host
    const file = this.#file as StoreFile
    const frame = ++this.#frame
    for (const { topicId, partition } of this.#touched.values()) {
      const nextOffset = this.#state.end(topicId, partition)
      observer.frameCovers(frame, { kind: 'partition', topicId, partition, nextOffset })
      const ceiling = this.#state.ceiling(topicId, partition)
      observer.frameCovers(frame, { kind: 'ceiling', topicId, partition, ceiling })
    }
    observer.frameCovers(frame, { kind: 'producerIds', end: this.#state.idsEnd })
    const lengthBytes = Math.max(0, file.size() - this.#flushedTo)
    if (lengthBytes > 0) observer.framePlaced(frame, file.path, this.#flushedTo, lengthBytes)
    now(file.flush())
    if (this.#isNewSegment) this.#syncDirectories()
    if (lengthBytes > 0) observer.frameDurable(frame)
    this.#isNewSegment = false
    this.#flushedTo = this.#position
    this.#touched.clear()
  }

  #writeCheckpoint(isClean: boolean): void {
    if (!this.#faults.has('checkpoint-before-sync')) this.#flush()
    const file = this.#file as StoreFile
    this.#host.observer.checkpointPlaced(this.#frame, [{ file: file.path, sizeBytes: file.size() }])
    const number = this.#checkpoint.number + 1
    const checkpoint = {
      generation: this.#generation,
      number,
      segment: this.#segment,
      position: this.#position,
      isClean,
    }
    const place = this.#open(`checkpoint-${number % 2}`) as StoreFile
    writeFully(place, frameOf(0, checkpoint), 0)
    now(place.flush())
    if (!this.#faults.has('no-directory-sync')) now(this.#store.syncDirectory(''))
    this.#checkpoint = checkpoint
    // Its acknowledgements rest on frames alone.
    this.#host.observer.checkpointDurable(this.#frame, { file: place.path, sizeBytes: place.size(), ends: [] })
    this.#host.marks.mark('checkpoint')
  }

  /** A decision counts once it is durable. */
  #decide(entry: Entry): void {
    this.#append(entry)
    this.#flush()
  }

  // What clients call

  createTopic(topicId: string, topic: string, partitions: number): void {
    this.#decide({ kind: 'topic', topicId, topic, partitions })
  }

  deleteTopic(topic: string): void {
    this.#decide({ kind: 'drop', topicId: this.#state.idOf(topic) })
  }

  createPartitions(topic: string, totalCount: number): void {
    this.#decide({ kind: 'topic', topicId: this.#state.idOf(topic), topic, partitions: totalCount })
  }

  topics(): readonly SystemTopic[] {
    return this.#state.topics()
  }

  openProducer(): number {
    if (this.#nextId >= this.#idsEnd) {
      this.#idsEnd = this.#nextId + BLOCK
      this.#append({ kind: 'ids', end: this.#idsEnd })
      if (!this.#faults.has('id-given-twice')) this.#flush()
    }
    return this.#nextId++
  }

  send(request: SendRequest, answered: (answer: SendAnswer) => void): void {
    try {
      this.#take(request, answered)
    } catch (error) {
      if (!LogError.is(error)) throw error
      answered({ errorCode: error.code })
    }
  }

  #take(request: SendRequest, answered: (answer: SendAnswer) => void): void {
    const { producerId, partition, values, acks, baseSequence } = request
    const topicId = this.#state.idOf(request.topic)
    const known = this.#state.sequenceOf(producerId, topicId, partition, baseSequence)
    if (known.baseOffset !== undefined) {
      this.#host.marks.mark('duplicate')
      if (acks === 'all' && !this.#faults.has('duplicate-too-early')) this.#flush()
      return answered({ baseOffset: known.baseOffset })
    }
    if (!known.isNext) return answered({ errorCode: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
    const baseOffset = this.#state.end(topicId, partition)
    const end = baseOffset + values.length
    if (acks === 1 && end > this.#state.ceiling(topicId, partition)) {
      this.#touched.set(`${topicId}/${partition}`, { topicId, partition })
      this.#decide({ kind: 'ceiling', topicId, partition, ceiling: end + BLOCK })
    }
    this.#append({ kind: 'data', topicId, partition, baseOffset, values, producerId, baseSequence })
    if (acks === 'all' && !this.#faults.has('ack-before-flush')) this.#flush()
    answered({ baseOffset })
    if (acks === 'all') this.#flush()
  }

  fetch(topic: string, partition: number): PartitionView {
    return this.#state.view(this.#state.idOf(topic), partition)
  }

  commitOffset(group: string, topic: string, partition: number, nextOffset: number): void {
    this.#append({ kind: 'commit', group, topicId: this.#state.idOf(topic), partition, nextOffset })
    if (!this.#faults.has('commit-before-flush')) this.#flush()
  }

  committed(group: string, topic: string, partition: number): number | undefined {
    return this.#state.committed(group, this.#state.idOf(topic), partition)
  }

  deleteRecords(topic: string, partition: number, before: number): void {
    this.#decide({ kind: 'start', topicId: this.#state.idOf(topic), partition, before })
  }

  advance(): boolean {
    return false
  }

  close(): void {
    this.#writeCheckpoint(true)
  }
}

export function toySystem(...faults: readonly ToyFault[]): SystemUnderTest<VirtualDisk> {
  const name = faults.length === 0 ? 'toy' : `toy:${faults.join('+')}`
  return { name, storage: () => new VirtualDisk(), open: (host) => new ToyLog(host, new Set(faults)) }
}
