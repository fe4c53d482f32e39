import { type CommittedOffsets, type Loss, PartitionModel, type SendState, type TopicModel } from './model-state.ts'
import type { PartitionView, SendAnswer, SendRequest, SystemTopic } from './system-under-test.ts'

/**
 * What the clients of a log know, and what they may therefore rely on: plain maps, nothing shared with the engine. An
 * outcome that nobody was told is a set of allowed states until the first look at the log decides.
 */
export class Model {
  readonly violations: string[] = []
  readonly #topics = new Map<string, TopicModel>()
  readonly #partitions = new Map<string, PartitionModel>()
  readonly #committed = new Map<string, CommittedOffsets>()
  readonly #producerIds = new Set<number>()
  /** By topic id, how many bytes each of its partitions keeps at least; topics that aren't named keep everything. */
  readonly #keptBytes = new Map<string, number>()
  readonly #sends: SendState[] = []

  /** A copy, for a run that branches off here. */
  fork(): Model {
    const fork = new Model()
    for (const [id, topic] of this.#topics) fork.#topics.set(id, { ...topic })
    for (const send of this.#sends) fork.#sends.push({ ...send })
    for (const [key, partition] of this.#partitions) fork.#partitions.set(key, partition.fork(fork.#sends))
    for (const [key, offsets] of this.#committed) fork.#committed.set(key, { ...offsets, maybe: [...offsets.maybe] })
    for (const id of this.#producerIds) fork.#producerIds.add(id)
    for (const [topicId, bytes] of this.#keptBytes) fork.#keptBytes.set(topicId, bytes)
    return fork
  }

  /**
   * Equal for two models that rely on the same. Values are named by their start, which no two values of one run share.
   */
  digest(): string {
    return JSON.stringify([
      this.violations,
      [...this.#topics.values()],
      this.#sends.map(({ values, ...send }) => ({ ...send, values: values.length, first: values[0]?.length })),
      [...this.#partitions].map(([key, partition]) => [key, partition.digest()]),
      [...this.#committed],
      [...this.#producerIds],
      [...this.#keptBytes],
    ])
  }

  /** Which kinds of things clients know, not how many of each. Equal where clients would go on in the same way. */
  kinds(): string {
    const sends = this.#sends.map(({ outcome, promised, wasRefused, acks, topicId, partition }) => {
      const isGone = this.#topics.get(topicId)?.state !== 'live'
      return `${outcome} ${promised} ${wasRefused} ${acks} ${isGone} ${partition}`
    })
    const topics = [...this.#topics.values()].map(({ state, least, most }) => `${state} ${most - least}`)
    const moved = [...this.#partitions.values()].map(({ logStartOffset, startLimit }) => {
      return `${logStartOffset > 0} ${startLimit > logStartOffset}`
    })
    const committed = [...this.#committed.values()].map(({ promised }) => promised === undefined)
    return [sends, topics, moved, committed].map((each) => [...new Set<unknown>(each)].sort().join()).join('/')
  }

  violate(promise: string, message: string): void {
    this.violations.push(`${promise}: ${message}`)
  }

  get sends(): readonly SendState[] {
    return this.#sends
  }

  /** The process or the machine died: nobody will be answered any more. */
  crashed(loss: Loss): void {
    for (const send of this.#sends) {
      if (send.outcome === 'pending') send.outcome = 'unknown'
      if (loss === 'power' && send.promised === 'process') send.promised = 'nothing'
    }
  }

  /** A clean close leaves nothing that a power failure could take. */
  closed(): void {
    for (const send of this.#sends) if (send.promised === 'process') send.promised = 'power'
  }

  // Topics

  topicIdOf(name: string): string {
    for (const topic of this.#topics.values()) if (topic.topic === name && topic.state !== 'dead') return topic.topicId
    return ''
  }

  creating(topicId: string, topic: string, partitions: number): TopicModel {
    const made: TopicModel = { topicId, topic, state: 'creating', least: partitions, most: partitions }
    this.#topics.set(topicId, made)
    return made
  }

  topic(topicId: string): TopicModel | undefined {
    return this.#topics.get(topicId)
  }

  /** After an open: every topic that must be there is, under its id, and no other. */
  foundTopics(found: readonly SystemTopic[]): void {
    const names = new Set<string>()
    for (const { topic, topicId, partitions } of found) {
      if (names.has(topic)) this.violate('Topics', `${topic} is there twice`)
      names.add(topic)
      const known = this.#topics.get(topicId)
      if (known === undefined || known.topic !== topic) this.violate('Topics', `${topic} has an id that nobody gave it`)
      else if (known.state === 'dead') this.violate('Topics', `${topic} came back after its deletion`)
      else if (partitions < known.least || partitions > known.most) {
        this.violate('Topics', `${topic} has ${partitions} partitions, not ${known.least} to ${known.most}`)
      } else Object.assign(known, { state: 'live', least: partitions, most: partitions })
    }
    for (const known of this.#topics.values()) {
      if (known.state === 'dead' || found.some(({ topicId }) => topicId === known.topicId)) continue
      if (known.state === 'live') this.violate('P1', `topic ${known.topic} is lost`)
      known.state = 'dead'
    }
  }

  // Producers and sends

  producerOpened(producerId: number): void {
    if (this.#producerIds.has(producerId)) this.violate('No reuse', `producer id ${producerId} was given twice`)
    this.#producerIds.add(producerId)
  }

  asked(request: SendRequest): number {
    const send: SendState = {
      ...request,
      index: this.#sends.length,
      topicId: this.topicIdOf(request.topic),
      outcome: 'pending',
      promised: 'nothing',
      baseOffset: undefined,
      wasRefused: false,
    }
    this.#sends.push(send)
    this.partition(send.topicId, send.partition).order.push(send)
    return send.index
  }

  /** The same batch again, perhaps with other acks. If it is lost, it takes its place after all others. */
  askedAgain(index: number, acks: SendRequest['acks']): SendRequest {
    const send = this.#sends[index] as SendState
    if (send.outcome === 'lost') {
      this.partition(send.topicId, send.partition).order.push(send)
      send.outcome = 'pending'
      send.baseOffset = undefined
    }
    return { ...send, acks }
  }

  answered(index: number, acks: SendRequest['acks'], answer: SendAnswer): void {
    const send = this.#sends[index] as SendState
    const where = `${send.topic}-${send.partition}`
    if ('errorCode' in answer) {
      this.#refused(send, answer.errorCode)
      return
    }
    const { baseOffset } = answer
    if (baseOffset >= 0) {
      if (send.baseOffset !== undefined && send.baseOffset !== baseOffset && send.outcome !== 'pending') {
        this.violate('Idempotence', `${where}: a retry was answered ${baseOffset}, its original ${send.baseOffset}`)
      }
      send.baseOffset = baseOffset
      this.#remember(send, baseOffset)
    }
    send.outcome = 'acknowledged'
    this.partition(send.topicId, send.partition).promise(send, acks === 'all' ? 'power' : 'process')
  }

  #refused(send: SendState, errorCode: string): void {
    const hasGap = this.#sends.some(
      (other) =>
        other.index <= send.index &&
        other.producerId === send.producerId &&
        other.topicId === send.topicId &&
        other.partition === send.partition &&
        (other.outcome === 'lost' || other.wasRefused),
    )
    if (errorCode === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && !hasGap) {
      this.violate('Idempotence', `${send.topic}-${send.partition}: a sequence without a gap before it was refused`)
    }
    send.wasRefused = true
    if (send.outcome === 'pending') send.outcome = 'refused'
  }

  #remember(send: SendState, baseOffset: number): void {
    const partition = this.partition(send.topicId, send.partition)
    for (const [at, value] of send.values.entries()) this.#note(partition, baseOffset + at, value)
  }

  #note(partition: PartitionModel, offset: number, value: string): void {
    const known = partition.known.get(offset)
    if (known !== undefined && known !== value) {
      this.violate('No reuse', `${partition.name}: offset ${offset} was ${known} and is now ${value}`)
    }
    partition.known.set(offset, value)
  }

  // Readers

  /** A look at a partition; `isRecovered` when it is the first one of this open, which decides what was unknown. */
  seen(topic: string, number: number, view: PartitionView, isRecovered: boolean): void {
    const partition = this.partition(this.topicIdOf(topic), number)
    partition.name = `${topic}-${number}`
    const violate = this.violate.bind(this)
    if (view.endOffset < partition.shownEnd) {
      violate('P6', `${partition.name}: the end went back from ${partition.shownEnd} to ${view.endOffset}`)
    }
    if (view.logStartOffset < partition.logStartOffset) {
      violate('P6', `${partition.name}: the start went back from ${partition.logStartOffset} to ${view.logStartOffset}`)
    }
    partition.shownEnd = Math.max(partition.shownEnd, view.endOffset)
    let last = -1
    for (const { offset, value } of view.records) {
      if (offset <= last) violate('Order', `${partition.name}: offset ${offset} comes after ${last}`)
      if (offset >= view.endOffset) violate('Visibility', `${partition.name}: offset ${offset} lies beyond the end`)
      last = offset
      this.#note(partition, offset, value)
    }
    partition.match(view, isRecovered, violate)
    partition.logStartOffset = Math.max(partition.logStartOffset, view.logStartOffset)
  }

  /** The start is about to move: until somebody sees the new one, both are right. */
  deletingBefore(topic: string, number: number, before: number): void {
    const partition = this.partition(this.topicIdOf(topic), number)
    partition.startLimit = Math.max(partition.startLimit, before)
  }

  deletedBefore(topic: string, number: number, before: number): void {
    const partition = this.partition(this.topicIdOf(topic), number)
    partition.logStartOffset = Math.max(partition.logStartOffset, before)
  }

  retains(topic: string, bytes: number): void {
    this.#keptBytes.set(this.topicIdOf(topic), bytes)
  }

  /**
   * Each partition keeps at least as much as its topic says. The largest possible size of its sends decides how far its
   * start may move.
   */
  mayExpire(): void {
    for (const [topicId, bytes] of this.#keptBytes) {
      for (const [key, partition] of this.#partitions) {
        if (key.startsWith(`${topicId}/`)) partition.mayKeepOnly(bytes)
      }
    }
  }

  partition(topicId: string, number: number): PartitionModel {
    const key = `${topicId}/${number}`
    let partition = this.#partitions.get(key)
    if (partition === undefined) {
      partition = new PartitionModel(key)
      this.#partitions.set(key, partition)
    }
    return partition
  }

  // Committed offsets

  committing(group: string, topic: string, partition: number, nextOffset: number): void {
    this.#offsets(group, topic, partition).maybe.push(nextOffset)
  }

  committed(group: string, topic: string, partition: number, nextOffset: number): void {
    Object.assign(this.#offsets(group, topic, partition), { promised: nextOffset, maybe: [] })
  }

  seenCommitted(group: string, topic: string, partition: number, nextOffset: number | undefined): void {
    const offsets = this.#offsets(group, topic, partition)
    const where = `${group} at ${topic}-${partition}`
    if (nextOffset !== offsets.promised && (nextOffset === undefined || !offsets.maybe.includes(nextOffset))) {
      this.violate('Redelivery', `${where}: ${nextOffset} is committed, not ${offsets.promised}`)
    }
    const end = this.partition(this.topicIdOf(topic), partition).shownEnd
    if (nextOffset !== undefined && nextOffset > end) {
      this.violate('No reuse', `${where}: ${nextOffset} is committed, and the end is ${end}`)
    }
    Object.assign(offsets, { promised: nextOffset, maybe: [] })
  }

  /** After an open: a topic takes its offsets along (rule 7). */
  foundCommitted(group: string, topicIds: readonly string[]): void {
    for (const topicId of topicIds) {
      if (this.topic(topicId)?.state === 'live') continue
      this.violate('Redelivery', `${group} has an offset of ${this.topic(topicId)?.topic ?? topicId}, which is gone`)
    }
  }

  groups(): readonly (readonly [group: string, topic: string, partition: number])[] {
    const names = [...this.#committed.values()].map(({ group, topic, partition }) =>
      JSON.stringify([group, topic, partition]),
    )
    return [...new Set(names)].map((name) => JSON.parse(name) as [string, string, number])
  }

  /** Offsets belong to a topic by its id: a topic that is created again under the name has none. */
  #offsets(group: string, topic: string, partition: number): CommittedOffsets {
    const key = JSON.stringify([group, this.topicIdOf(topic), partition])
    let offsets = this.#committed.get(key)
    if (offsets === undefined) {
      offsets = { group, topic, partition, promised: undefined, maybe: [] }
      this.#committed.set(key, offsets)
    }
    return offsets
  }
}
