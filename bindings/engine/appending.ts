import type { AppendResult } from '../broker/producer-session.ts'
import type { Appended } from '../log/partition/partition-append.ts'
import { LogError } from '../model/errors.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { CommandOf } from './commands.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { assertSameTopic } from './same-topic.ts'
import type { Topics } from './topics.ts'
import type { Transacting } from './transacting.ts'
import type { UnwrittenAppends } from './unwritten-appends.ts'

export interface AppendingHooks {
  readonly topics: Topics
  readonly store: PartitionStore
  readonly commits: Pick<CommitQueue, 'wantDurable' | 'wantCeiling' | 'refuse'>
  readonly transacting: Pick<Transacting, 'admit' | 'areSeveral' | 'join' | 'wrote'>
  readonly unwritten: Pick<UnwrittenAppends, 'add'>
  /** How far ahead of the log's end an offset ceiling is raised (durability rule 5). */
  readonly ceilingBlock: number
  leaderEpoch(): number
  now(): number
  /** Throws LOG_CLOSED, or the error that ended the log for good. */
  assertOpen(): void
  whenActive(hosted: HostedPartition, then: (error: unknown) => void): void
  /** Tells the engine that readers may see more of the partition. */
  advanced(hosted: HostedPartition): void
  /**
   * Tells the engine that an append failed after it had waited. Its caller is no longer on the stack, so the engine
   * decides here whether the log ends.
   */
  failed(error: unknown): void
}

type AppendCommand = CommandOf<'append'>

/** Tells the session to ask again with copied records, which a command may keep while it waits. */
const mustWait = new LogError('INVALID_REQUEST', 'borrowed records are appended at once or not at all')

/**
 * Finds the partition of an append, gives its records their place, and answers the producer at the moment that its
 * `acks` or its transaction asks for.
 */
export class Appending {
  readonly #hooks: AppendingHooks

  constructor(hooks: AppendingHooks) {
    this.#hooks = hooks
  }

  append(command: AppendCommand): void {
    const { topics, store } = this.#hooks
    const { request } = command
    const hosted = topics.partition(request.topic, request.partition)
    assertSameTopic(request, hosted.id)
    hosted.partition.assertWritable()
    if (hosted.queue === undefined && store.isActive(hosted.id)) this.#appendNow(hosted, command)
    else this.#appendLater(hosted, command)
  }

  /** Appends once everything that waits for the partition already has had its turn: calls keep their order. */
  #appendLater(hosted: HostedPartition, command: AppendCommand): void {
    const { done } = command
    if (command.isBorrowed === true) return done(mustWait)
    this.#hooks.whenActive(hosted, (error) => {
      if (error !== undefined) return done(error)
      try {
        this.#appendNow(hosted, command)
      } catch (failure) {
        if (command.isTransactional) this.#hooks.commits.refuse(failure, done)
        else done(failure)
        this.#hooks.failed(failure)
      }
    })
  }

  #appendNow(hosted: HostedPartition, command: AppendCommand): void {
    this.#hooks.assertOpen()
    const { producerId, request, isTransactional } = command
    const { topics, transacting } = this.#hooks
    const open = isTransactional ? transacting.admit(hosted, producerId, request.producerEpoch) : undefined
    const isIn = hosted.partition.hasOpenTransaction(producerId)
    const appended = this.#place(hosted, command)
    if (appended === undefined) return this.#appendLater(hosted, command)
    topics.producerExpiry.used(hosted, producerId, this.#hooks.now())
    const { baseOffset, appendTime, isLogAppendTime, sizeBytes } = appended
    const result = { baseOffset, appendTime, isLogAppendTime }
    if (open !== undefined) {
      // The commit makes the record durable. Until then it has its place, and only read_uncommitted may see it.
      if (!isIn) transacting.join(open, hosted)
      transacting.wrote(open, hosted, sizeBytes)
      this.#whenWritten(hosted, appended, (error) => command.done(error, result))
    } else this.#answerLater(hosted, command, appended, result)
  }

  /** Appends to the partition in memory; `undefined` if the segment is full or its file isn't open. */
  #place({ partition, config }: HostedPartition, command: AppendCommand): Appended | undefined {
    const { producerId, request, isTransactional } = command
    const { records, mostBytes, producerEpoch, baseSequence, acks } = request
    return partition.append({
      records,
      mostBytes,
      producerId,
      producerEpoch,
      baseSequence,
      isTransactional,
      mayWait: acks === 'all' && (!isTransactional || this.#hooks.transacting.areSeveral),
      leaderEpoch: this.#hooks.leaderEpoch(),
      now: this.#hooks.now(),
      config,
    })
  }

  #answerLater(
    hosted: HostedPartition,
    { request, done }: AppendCommand,
    appended: Appended,
    result: AppendResult,
  ): void {
    const answer = (error: unknown) => (error === undefined ? done(undefined, result) : done(error))
    // The original of a duplicate may still wait in memory for its commit.
    if (request.acks === 'all' || appended.isDuplicate) this.#whenDurable(hosted, appended, answer)
    else this.#whenShown(hosted, appended.nextOffset, answer)
  }

  #whenDurable(
    hosted: HostedPartition,
    { baseOffset, nextOffset, isDuplicate }: Appended,
    answer: (error: unknown) => void,
  ): void {
    const { watermarks } = hosted.partition
    if (nextOffset <= watermarks.durableOffset) return answer(undefined)
    if (!isDuplicate) watermarks.wait(baseOffset, nextOffset)
    hosted.durable.add(nextOffset, answer)
    this.#hooks.commits.wantDurable(hosted)
  }

  /**
   * A transactional append is answered once its segment has the bytes, so that no kill takes what the producer was
   * told.
   */
  #whenWritten(hosted: HostedPartition, { baseOffset, isDuplicate }: Appended, answer: (error: unknown) => void): void {
    const { store, unwritten, advanced } = this.#hooks
    if (store.hasUnwritten?.(hosted.id) === true) {
      if (!isDuplicate) hosted.partition.watermarks.unwritten(baseOffset)
      return unwritten.add(hosted, answer)
    }
    answer(undefined)
    advanced(hosted)
  }

  /**
   * An append with acks 1 is answered once its records lie below the offset ceiling or are durable, whichever comes
   * first.
   */
  #whenShown(hosted: HostedPartition, nextOffset: number, answer: (error: unknown) => void): void {
    const { commits, ceilingBlock } = this.#hooks
    const { watermarks } = hosted.partition
    const shown = Math.max(watermarks.ceiling, watermarks.durableOffset)
    const isNear = watermarks.ceiling === 0 || watermarks.ceiling - nextOffset < ceilingBlock / 2
    if (isNear) commits.wantCeiling(hosted)
    if (nextOffset > shown) {
      hosted.shown.add(nextOffset, answer)
      return
    }
    answer(undefined)
    this.#hooks.advanced(hosted)
  }
}
