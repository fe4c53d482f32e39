import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import { type KafkaSegmentFile, parseKafkaSegmentFile } from './kafka-names.ts'
import type { LeftOut } from './left-out.ts'

/** A segment that counts. Its file may still have the name that compaction gave it. */
export interface SettledSegment {
  readonly baseOffset: number
  /** Relative to the source. */
  readonly file: string
}

export interface SettledSegments {
  /** In offset order. */
  readonly segments: readonly SettledSegment[]
  readonly leftOut: readonly LeftOut[]
}

const ABOVE_ALL_OFFSETS = Number.MAX_SAFE_INTEGER

/**
 * Which files of a partition count, as Kafka's start decides it (LogLoader.load, kafka.md 2.6):
 * - `.deleted` is on its way out, and `.cleaned` was never whole;
 * - a `.swap` at or above the lowest `.cleaned` belongs to a split that wasn't finished: it goes, what it would replace
 *   stays;
 * - any other `.swap` is whole: it takes the place of every segment that begins below the end of the last of them.
 *
 * `nextOffsetOf`: after the last batch of a file, its base offset without one.
 */
export function* settleSegments(
  directory: string,
  names: readonly string[],
  nextOffsetOf: (segment: SettledSegment) => Task<number>,
): Task<SettledSegments> {
  const files = names.flatMap((name) => parseKafkaSegmentFile(name) ?? [])
  for (const file of files) assertOffset(directory, file)
  const path = ({ name }: KafkaSegmentFile) => `${directory}/${name}`
  const leftOut: LeftOut[] = []
  const leave = (file: KafkaSegmentFile, why: string) => {
    if (file.isLog) leftOut.push({ file: path(file), offset: file.baseOffset, why, isLoss: false })
  }
  const inState = (state: KafkaSegmentFile['state']) => files.filter((file) => file.state === state)
  for (const file of inState('deleted')) leave(file, 'Kafka had deleted the segment')
  for (const file of inState('cleaned')) leave(file, 'compaction had not finished it: what it was made of counts')
  const firstCleaned = Math.min(ABOVE_ALL_OFFSETS, ...inState('cleaned').map(({ baseOffset }) => baseOffset))
  const isWhole = ({ baseOffset }: KafkaSegmentFile) => baseOffset < firstCleaned
  for (const file of inState('swap').filter((each) => !isWhole(each)))
    leave(file, 'of a split that was not finished: what it was made of counts')
  const swaps = inState('swap').filter((file) => file.isLog && isWhole(file))
  let from = ABOVE_ALL_OFFSETS
  let to = 0
  for (const swap of swaps) {
    from = Math.min(from, swap.baseOffset)
    to = Math.max(to, yield* nextOffsetOf({ baseOffset: swap.baseOffset, file: path(swap) }))
  }
  const settled = inState('settled').filter(({ isLog }) => isLog)
  // An empty one ends where it begins; its name is still that of the segment that it replaces.
  const isReplaced = ({ baseOffset }: KafkaSegmentFile) =>
    (baseOffset >= from && baseOffset < to) || swaps.some((swap) => swap.baseOffset === baseOffset)
  for (const file of settled.filter(isReplaced)) leave(file, 'compaction had replaced it')
  const segments = [...swaps, ...settled.filter((file) => !isReplaced(file))]
    .map((file) => ({ baseOffset: file.baseOffset, file: path(file) }))
    .sort((a, b) => a.baseOffset - b.baseOffset)
  return { segments, leftOut }
}

function assertOffset(directory: string, { name, baseOffset }: KafkaSegmentFile): void {
  if (Number.isSafeInteger(baseOffset)) return
  const file = `${directory}/${name}`
  throw new LogError('INTEGER_RANGE', `${file} begins beyond offset 2^53`, { file, field: 'baseOffset' })
}
