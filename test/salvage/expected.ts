import type { PlainBatch } from './batches.ts'

/** Offsets from one to before another. */
export interface Range {
  readonly offset: number
  readonly nextOffset: number
}

/** What a copy must hold of one partition, told without any code of the log's. */
export interface Expected {
  readonly kept: readonly PlainBatch[]
  /** Of every batch that isn't kept. */
  readonly missing: readonly Range[]
  /** Kept, but nothing says how their transaction ended. */
  readonly undecided: readonly Range[]
}

/** `isHarmed`: a byte of it isn't as it was. */
export function expectedOf(
  batches: readonly PlainBatch[],
  isHarmed: (batch: PlainBatch) => boolean,
  logStartOffset: number,
): Expected {
  const present = batches.filter(({ nextOffset }) => nextOffset > logStartOffset)
  const lost = new Set(present.filter(isHarmed))
  const undecided = new Set<PlainBatch>()
  // By producer: batches of the transaction that is open, and whether something was lost after each.
  const open = new Map<number, { readonly batch: PlainBatch; isDoubtful: boolean }[]>()
  const harmed = new Set(lost)
  for (const batch of present) {
    const { producerId, isTransactional, marker } = batch
    if (harmed.has(batch)) {
      for (const each of [...open.values()].flat()) each.isDoubtful = true
      continue
    }
    if (!isTransactional) continue
    const mine = open.get(producerId) ?? []
    if (marker === undefined) {
      open.set(producerId, [...mine, { batch, isDoubtful: false }])
      continue
    }
    for (const { batch: doubtful } of mine.filter(({ isDoubtful }) => isDoubtful)) {
      if (marker === 'commit') lost.add(doubtful)
      else undecided.add(doubtful)
    }
    open.delete(producerId)
  }
  for (const { batch, isDoubtful } of [...open.values()].flat()) if (isDoubtful) undecided.add(batch)
  return {
    kept: present.filter((batch) => !lost.has(batch)),
    missing: joined([...lost]),
    undecided: joined([...undecided]),
  }
}

/** Ranges that touch are one. */
export function joined(ranges: readonly (Range | PlainBatch)[]): readonly Range[] {
  const sorted = ranges
    .map((each) => ('offset' in each ? each : { offset: each.baseOffset, nextOffset: each.nextOffset }))
    .sort((a, b) => a.offset - b.offset)
  const all: { offset: number; nextOffset: number }[] = []
  for (const { offset, nextOffset } of sorted) {
    const last = all.at(-1)
    if (last !== undefined && last.nextOffset >= offset) last.nextOffset = Math.max(last.nextOffset, nextOffset)
    else all.push({ offset, nextOffset })
  }
  return all
}
