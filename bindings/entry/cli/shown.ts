import type { ConsumerRecord, Position } from '../node.ts'
import type { startPoint } from './arguments.ts'
import { Lines } from './lines.ts'
import { jsonOf, lineOf } from './record-lines.ts'
import type { CommandCall } from './run.ts'

/** What was written out so far. */
export class Shown {
  readonly lines: Lines = new Lines()
  readonly #next = new Map<number, number>()
  readonly #isJson: boolean
  readonly #max: number
  /** Where partitions begin of which nothing was seen yet. */
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

  async show(record: ConsumerRecord): Promise<void> {
    await this.lines.write(this.#isJson ? jsonOf(record) : lineOf(record))
    this.passed(record)
    this.count++
  }

  /** The offset that readers see next may lie far above: an unclean end leaves a gap. */
  passed({ partition, offset }: ConsumerRecord): void {
    this.#next.set(partition, offset + 1)
  }

  /** From here on, whatever comes: the end of before is not the end of later. */
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
