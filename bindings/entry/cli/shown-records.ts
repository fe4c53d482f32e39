import { type ConsumerRecord, LogError, type Position, type TopicDescription } from '../node.ts'
import type { startPoint } from './arguments.ts'
import { OutputLines } from './output-lines.ts'
import { jsonOf, lineOf } from './record-lines.ts'
import type { CommandCall } from './run.ts'

/** Counts what was written out so far. */
export class ShownRecords {
  readonly lines: OutputLines = new OutputLines()
  readonly #next = new Map<number, number>()
  readonly #isJson: boolean
  readonly #max: number
  #topicId: string | undefined
  /** Where to start in partitions of which nothing was shown yet. */
  from: ReturnType<typeof startPoint>
  count = 0

  constructor({ isJson, options }: CommandCall) {
    this.from = options['from'] as ReturnType<typeof startPoint>
    this.#isJson = isJson
    this.#max = (options['max'] as number | undefined) ?? Number.POSITIVE_INFINITY
  }

  get isEnough(): boolean {
    return this.count >= this.#max || this.lines.isBroken
  }

  /** The places are those of one topic: in another one of its name they would leave records out. */
  stayWith({ name, topicId }: TopicDescription): void {
    this.#topicId ??= topicId
    if (this.#topicId === topicId) return
    const message = `topic "${name}" was deleted, and another one made of its name`
    throw new LogError('UNKNOWN_TOPIC_ID', message, { topic: name, topicId: this.#topicId })
  }

  async show(record: ConsumerRecord): Promise<void> {
    await this.lines.write(this.#isJson ? jsonOf(record) : lineOf(record))
    this.passed(record)
    this.count++
  }

  /** After an unclean end the next offset may lie far above this one. */
  passed({ partition, offset }: ConsumerRecord): void {
    this.#next.set(partition, offset + 1)
  }

  /** Fixes the starts now: a later end would be another one. */
  beginAt(positions: readonly Position[]): void {
    for (const { partition, nextOffset } of positions) {
      if (!this.#next.has(partition)) this.#next.set(partition, nextOffset)
    }
    if (this.from === 'latest') this.from = 'earliest'
  }

  after(start: Position): Position {
    return { ...start, nextOffset: this.#next.get(start.partition) ?? start.nextOffset }
  }
}
