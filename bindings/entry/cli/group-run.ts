import {
  type Consumer,
  type EmbeddedLog,
  LogError,
  type Position,
  type RecordBatch,
  type TopicPartition,
} from '../node.ts'
import { withLog } from './open.ts'
import { endsOf, placesOf, progressOf } from './places.ts'
import type { Progress } from './progress.ts'
import type { CommandCall } from './run.ts'
import { ShownRecords } from './shown-records.ts'

export const COMMIT_RECORDS = 1000
export const COMMIT_MS = 1000
/** How often the end is checked while no record comes. */
const END_CHECK_INTERVAL_MS = 100
/** The member lives as long as the command: no poll interval puts it out. */
const NEVER_MS = 0x7fff_ffff

/** Shows a topic as a member of a group, up to its end at the start, even if other members come and go meanwhile. */
export function consumeInGroup(call: CommandCall): Promise<void> {
  const [topic = ''] = call.args
  const groupId = call.options['group'] as string
  return withLog(call, async (log) => {
    const ends = await endsOf(log, await placesOf(log, topic))
    const consumer = log.consumer({ groupId, topics: [topic], maxPollIntervalMs: NEVER_MS })
    await new GroupRun({ log, consumer, groupId, ends, shown: new ShownRecords(call) }).run(call.signal)
  })
}

interface GroupRunParts {
  readonly log: EmbeddedLog
  readonly consumer: Consumer
  readonly groupId: string
  /** Up to where it shows each partition. */
  readonly ends: readonly Position[]
  readonly shown: ShownRecords
}

/** One such run: shows what the member is given, and commits what was written out. */
export class GroupRun {
  readonly #log: EmbeddedLog
  readonly #consumer: Consumer
  readonly #groupId: string
  readonly #ends: readonly Position[]
  readonly #shown: ShownRecords
  /** By partition: the offset after what was written out and isn't committed yet. */
  readonly #written = new Map<number, number>()
  #isShowing = false
  /** The group put this member out, and it hasn't joined again. */
  #isLost = false
  /** Counts the changes of what this member holds. */
  #changes = 0
  #committing: Promise<unknown> = Promise.resolve()
  #committed = { count: 0, at: performance.now() }

  constructor({ log, consumer, groupId, ends, shown }: GroupRunParts) {
    this.#log = log
    this.#consumer = consumer
    this.#groupId = groupId
    this.#ends = ends
    this.#shown = shown
  }

  async run(signal: AbortSignal): Promise<void> {
    const consumer = this.#consumer
    consumer.on('revoked', async () => {
      this.#changes++
      await this.#commit()
    })
    consumer.on('lost', () => {
      this.#changes++
      this.#isLost = true
    })
    consumer.on('assigned', (partitions) => this.#continueAfterWritten(partitions))
    await consumer.lag()
    const start = consumer.assignment().map((at) => ({ ...at, nextOffset: consumer.position(at) }))
    const bar = progressOf(
      start.map((at) => ({ ...at, nextOffset: this.#endOf(at) })),
      start,
    )
    const done = new AbortController()
    const endCheck = setInterval(() => {
      // The iteration or the last commit hears of any failure.
      this.#isDone()
        .then((isDone) => isDone && done.abort())
        .catch(() => {})
    }, END_CHECK_INTERVAL_MS)
    try {
      for await (const batch of consumer.batches({ signal: AbortSignal.any([signal, done.signal]) })) {
        await this.#show(batch, bar)
        if (await this.#isDone()) break
      }
    } catch (error) {
      if (signal.aborted || error !== done.signal.reason) throw error
    } finally {
      clearInterval(endCheck)
      bar.stop()
      await this.#commitAtEnd()
    }
  }

  #endOf({ partition }: TopicPartition): number {
    return this.#ends.find((each) => each.partition === partition)?.nextOffset ?? 0
  }

  /** Records past the end are left to the next run. */
  async #show(batch: RecordBatch, bar: Progress): Promise<void> {
    const { topic, partition } = batch
    const end = this.#endOf(batch)
    this.#isShowing = true
    for (const record of batch) {
      if (record.offset >= end || this.#shown.isEnough) break
      await this.#shown.show(record)
      this.#written.set(partition, record.offset + 1)
      const { count, at } = this.#committed
      if (this.#shown.count - count < COMMIT_RECORDS && performance.now() - at < COMMIT_MS) continue
      await this.#commit()
      bar.update(this.#shown.count)
    }
    this.#isShowing = false
    if (this.#shown.isEnough) this.#consumer.pause()
    else if (batch.nextOffset >= end) this.#consumer.pause([{ topic, partition }])
  }

  /**
   * Whether this run has shown everything that it could, and committed it; a member that was put out hasn't. If
   * anything changes while the group is asked or the commit is under way, the answer is out of date and doesn't count.
   */
  async #isDone(): Promise<boolean> {
    const { lines, isEnough } = this.#shown
    if (lines.isBroken) return true
    const changes = this.#changes
    if (this.#isShowing || !(isEnough || this.#isRead) || !(await this.#isSettled())) return false
    return (await this.#commit()) && changes === this.#changes
  }

  get #isRead(): boolean {
    return this.#consumer.assignment().every((at) => this.#consumer.position(at) >= this.#endOf(at))
  }

  /**
   * Whether every partition has a member, and this member holds what the group gave to it. A partition without a member
   * is about to be given to one, maybe to this one.
   */
  async #isSettled(): Promise<boolean> {
    const shares = await this.#shares()
    const own = this.#consumer.assignment().map(({ partition }) => partition)
    const isInForce = shares.some(
      (share) => share.size === own.length && own.every((partition) => share.has(partition)),
    )
    return isInForce && this.#ends.every(({ partition }) => shares.some((share) => share.has(partition)))
  }

  /** The partitions of the topic that each member holds. */
  async #shares(): Promise<readonly ReadonlySet<number>[]> {
    const topic = this.#ends[0]?.topic
    try {
      const { members } = await this.#log.admin.describeGroup(this.#groupId)
      return members.map(({ partitions }) => {
        return new Set(partitions.filter((at) => at.topic === topic).map(({ partition }) => partition))
      })
    } catch (error) {
      // A new holder of the log begins with groups without members.
      if (LogError.is(error, 'GROUP_ID_NOT_FOUND')) return []
      throw error
    }
  }

  /**
   * A partition comes back whose records this run wrote out and couldn't commit: continues after them, unless another
   * member is further.
   */
  async #continueAfterWritten(partitions: readonly TopicPartition[]): Promise<void> {
    this.#changes++
    this.#isLost = false
    for (const { topic, partition } of partitions) {
      const nextOffset = this.#written.get(partition) ?? 0
      if (nextOffset > this.#consumer.position({ topic, partition })) {
        await this.#consumer.seek({ topic, partition, nextOffset })
      } else this.#written.delete(partition)
    }
  }

  /** The last commit of the run. A member that was put out joins again, and commits what it still holds. */
  async #commitAtEnd(): Promise<void> {
    while (!((await this.#commit()) && !this.#isLost) && !this.#shown.lines.isBroken) {
      // Waits for the next holder of the log, if there is none.
      await this.#consumer.lag().catch(unlessPutOut)
    }
  }

  /**
   * Commits one after the other: until the last one is done, a partition that is given up stays this member's. False if
   * this member was put out.
   */
  #commit(): Promise<boolean> {
    const commit = this.#committing.then(() => this.#commitWritten())
    this.#committing = commit.catch(() => {})
    return commit
  }

  async #commitWritten(): Promise<boolean> {
    await this.#shown.lines.flush()
    const positions = this.#consumer.assignment().flatMap(({ topic, partition }) => {
      const nextOffset = this.#written.get(partition)
      return nextOffset === undefined ? [] : [{ topic, partition, nextOffset }]
    })
    if (this.#shown.lines.isBroken || positions.length === 0) return true
    this.#committed = { count: this.#shown.count, at: performance.now() }
    try {
      // Commits within a batch: only what was written out is done.
      await this.#consumer.commit(positions, { allowSkip: true })
    } catch (error) {
      // The member joins again, and then commits what it still holds.
      unlessPutOut(error)
      return false
    }
    for (const { partition, nextOffset } of positions) {
      if (this.#written.get(partition) === nextOffset) this.#written.delete(partition)
    }
    return true
  }
}

function unlessPutOut(error: unknown): void {
  if (!LogError.is(error) || error.category !== 'rejoin') throw error
}
