import { LogError } from '../../../model/errors.ts'
import type { Acks } from '../../../model/positions.ts'
import { DiskFaults } from '../faults.ts'
import type { Random } from '../random.ts'
import type { VirtualStorage } from '../virtual-rows.ts'
import type { Marks } from './marks.ts'
import type { Model } from './model.ts'
import type { Loss } from './model-state.ts'
import { Monitor } from './monitor.ts'
import type { PartitionView, SystemHandle, SystemHost, SystemUnderTest } from './system-under-test.ts'

/** A log that a scenario drives. A crash or a close replaces its storage and its opening. */
export interface World {
  readonly system: SystemUnderTest
  readonly model: Model
  readonly marks: Marks
  readonly random: Random
  storage: VirtualStorage
  /** One per opening, the present one last. */
  readonly monitors: Monitor[]
  /** Watches a storage that takes the place of the former one. */
  watch(storage: VirtualStorage): void
}

interface Producer {
  readonly id: number
  readonly sequences: Map<string, number>
}

/** All clients of one log: does what a scenario says, tells the model, and looks at everything after each open. */
export class Client {
  readonly world: World
  /** Codes of the errors that sends were answered with. */
  readonly refusals: string[] = []
  /** How many of them were answered before this opening. */
  #refusedBefore = 0
  readonly #producers = new Map<string, Producer>()
  #topicCount = 0
  #handle: SystemHandle | undefined

  constructor(world: World) {
    this.world = world
  }

  get #monitor(): Monitor {
    return this.world.monitors.at(-1) as Monitor
  }

  /** Refusals of the present opening: what an earlier one couldn't keep says nothing about this one. */
  get ownRefusals(): readonly string[] {
    return this.refusals.slice(this.#refusedBefore)
  }

  get isOpen(): boolean {
    return this.#handle !== undefined
  }

  get handle(): SystemHandle {
    if (this.#handle === undefined) throw new Error('the scenario uses a log that is not open')
    return this.#handle
  }

  open({ isClean }: { readonly isClean?: boolean } = {}): void {
    const { system, model, marks, random } = this.world
    const monitor = new Monitor(this.world.storage)
    this.world.monitors.push(monitor)
    const host: SystemHost = { storage: this.world.storage, observer: monitor, order: random, marks }
    this.#refusedBefore = this.refusals.length
    this.#handle = system.open(host)
    const { recovery } = this.#handle
    if (isClean !== undefined && recovery.isClean !== isClean) {
      model.violate('P4', `the open says that the close before was ${recovery.isClean ? '' : 'un'}clean`)
    }
    for (const damage of recovery.damage) model.violate('Damage', `nothing is damaged, but reported: ${damage}`)
    if (recovery.isReadOnly) model.violate('P4', 'a crash left the log read-only')
    this.#observeTopics()
  }

  close(): void {
    this.handle.close()
    this.world.model.closed()
    this.world.storage.close()
    this.discard()
    this.world.storage = this.world.storage.reopened()
    this.world.watch(this.world.storage)
  }

  /** Dies here and opens what is left. */
  crash(mode: 'kill' | 'none' | 'all' | 'mixed', beforeOpen?: () => void): void {
    const outlivesProcess = mode === 'kill' && this.world.storage.faults?.hasDropped !== true
    this.world.model.crashed(outlivesProcess ? 'process' : 'power')
    this.world.storage = this.world.storage.image(this.world.random, mode)
    this.world.watch(this.world.storage)
    this.discard()
    beforeOpen?.()
    this.open()
  }

  /** The process of the log is gone. */
  discard(): void {
    this.#handle?.discard?.()
    this.#handle = undefined
  }

  #observeTopics(): void {
    const { model } = this.world
    const topics = this.handle.topics()
    model.foundTopics(topics)
    for (const { topic, topicId, partitions } of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const view = this.handle.fetch(topic, partition)
        this.#monitor.opened({ topicId, partition }, view.endOffset)
        model.seen(topic, partition, view, true)
      }
    }
    for (const group of new Set(model.groups().map(([name]) => name))) {
      model.foundCommitted(group, this.handle.committedTopicIds?.(group) ?? [])
    }
    for (const [group, topic, partition] of model.groups()) {
      if (model.topicIdOf(topic) === '') continue
      model.seenCommitted(group, topic, partition, this.handle.committed(group, topic, partition))
    }
  }

  createTopic(topic: string, partitions = 1): void {
    const topicId = topicIdOf(++this.#topicCount, this.world.random)
    const made = this.world.model.creating(topicId, topic, partitions)
    this.handle.createTopic(topicId, topic, partitions)
    made.state = 'live'
  }

  deleteTopic(topic: string): void {
    const { model } = this.world
    const known = model.topic(model.topicIdOf(topic))
    if (known === undefined) throw new Error(`the scenario deletes ${topic}, which is not there`)
    known.state = 'deleting'
    this.handle.deleteTopic(topic)
    known.state = 'dead'
  }

  createPartitions(topic: string, totalCount: number): void {
    const { model } = this.world
    const known = model.topic(model.topicIdOf(topic))
    if (known === undefined) throw new Error(`the scenario widens ${topic}, which is not there`)
    known.most = totalCount
    this.handle.createPartitions(topic, totalCount)
    known.least = totalCount
  }

  openProducer(name = 'a'): void {
    const id = this.handle.openProducer()
    this.world.model.producerOpened(id)
    this.#monitor.producerIdHandedOut(id)
    this.#producers.set(name, { id, sequences: new Map() })
  }

  /** Sends one batch and doesn't wait; values are unlike any other's and `sizeBytes` long. */
  send(topic: string, partition: number, options: SendOptions = {}): number {
    const { acks = 'all', count = 1, sizeBytes = 20, producer = 'a' } = options
    const { model } = this.world
    if (!this.#producers.has(producer)) this.openProducer(producer)
    const { id, sequences } = this.#producers.get(producer) as Producer
    const place = `${model.topicIdOf(topic)}/${partition}`
    const baseSequence = sequences.get(place) ?? 0
    sequences.set(place, baseSequence + count)
    const name = `v${model.sends.length}.`
    const values = Array.from({ length: count }, (_, at) => `${name}${at}`.padEnd(sizeBytes, '.'))
    const request = { topic, partition, producerId: id, producerEpoch: 0, baseSequence, values, acks }
    const index = model.asked(request)
    this.handle.send(request, (answer) => this.#answered(index, acks, answer))
    return index
  }

  /** The next flush of any file fails; the pages that it dropped show this content from then on. */
  failNextFlush(shows: 'new' | 'old'): void {
    this.world.storage.faults = new DiskFaults([{ kind: 'flush', effect: `drops-shows-${shows}`, at: 1 }])
  }

  /** Sends on a disk that fails: whatever the answer, only an acknowledgement promises anything. */
  trySend(topic: string, partition: number): void {
    try {
      this.put(topic, partition)
    } catch (error) {
      if (!LogError.is(error)) throw error
    }
  }

  /** The same batch once more, as a client does that got no answer. */
  retry(index: number, acks: Acks): void {
    const request = this.world.model.askedAgain(index, acks)
    this.handle.send(request, (answer) => this.#answered(index, acks, answer))
  }

  #answered(index: number, acks: Acks, answer: Parameters<Model['answered']>[2]): void {
    const { model } = this.world
    model.answered(index, acks, answer)
    const send = model.sends[index]
    if ('errorCode' in answer) this.refusals.push(answer.errorCode)
    if ('errorCode' in answer || send === undefined || answer.baseOffset < 0) return
    const loss: Loss = acks === 'all' ? 'power' : 'process'
    this.#monitor.acknowledged(send, answer.baseOffset + send.values.length, loss)
  }

  /** Sends and waits for the answer, and for whatever else is under way. */
  put(topic: string, partition: number, options: SendOptions = {}): number {
    const index = this.send(topic, partition, options)
    this.settle()
    return index
  }

  settle(): void {
    while (this.handle.advance()) {}
  }

  /** Takes only a few steps: what was asked for stays under way. */
  steps(count: number): void {
    for (let step = 0; step < count && this.handle.advance(); step++) {}
  }

  fetch(topic: string, partition: number): PartitionView {
    const { model } = this.world
    const view = this.handle.fetch(topic, partition)
    model.seen(topic, partition, view, false)
    this.#monitor.shown({ topicId: model.topicIdOf(topic), partition }, (view.records.at(-1)?.offset ?? -1) + 1)
    return view
  }

  commit(group: string, topic: string, partition: number, nextOffset: number): void {
    // Nobody read what was refused.
    if (this.refusals.length > 0) return
    const { model } = this.world
    model.committing(group, topic, partition, nextOffset)
    this.handle.commitOffset(group, topic, partition, nextOffset)
    model.committed(group, topic, partition, nextOffset)
  }

  keepBytes(topic: string, bytes: number): void {
    this.world.model.retains(topic, bytes)
    this.handle.keepBytes?.(topic, bytes)
  }

  /** The model works out first, from what was sent, which records may expire meanwhile. */
  passTime(byMs: number): void {
    this.world.model.mayExpire()
    this.handle.passTime?.(byMs)
  }

  deleteRecords(topic: string, partition: number, before: number): void {
    if (this.handle.deleteRecords === undefined) throw new Error(`${this.world.system.name} can't move a log start`)
    this.world.model.deletingBefore(topic, partition, before)
    this.handle.deleteRecords(topic, partition, before)
    this.world.model.deletedBefore(topic, partition, before)
  }
}

export interface SendOptions {
  readonly acks?: Acks | undefined
  readonly count?: number | undefined
  readonly sizeBytes?: number | undefined
  readonly producer?: string | undefined
}

/** 22 characters of base64url whose last one carries two bits, as Kafka writes a topic's id. */
function topicIdOf(count: number, random: Random): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
  let id = `T${count}`
  while (id.length < 21) id += letters[random.below(letters.length)]
  return `${id}A`
}
