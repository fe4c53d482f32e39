import type { Kernel, OffsetIndex, TimeIndex } from '../../../bindings/kernel/kernel.ts'
import { readAborted, writeAborted } from '../../../bindings/log/files/aborted-transaction.ts'
import { type Bytes, expect, type FuzzTarget, Refused, sameJson, viewOf } from '../target.ts'

const BASE_OFFSET = 2 ** 33
const ABORTED_BYTES = 34
const LOOKUPS = 4

/** `.index`: ascending pairs of 32 bits; each lookup finds what a plain search finds. */
export function offsetIndexTarget(make: (baseOffset: number) => OffsetIndex): FuzzTarget {
  const index = make(BASE_OFFSET)
  return {
    name: 'offset indexes',
    share: 110,
    whole: [0, 1, 5, 70].map((count) => pairs(count, (at) => [at * 7 + 1, at * 4096])),
    take(bytes) {
      if (!index.load(bytes)) throw new Refused('no index')
      const entries = entriesOf(bytes, 8, (view, at) => [view.getInt32(at), view.getInt32(at + 4)])
      expect(entries !== undefined, () => 'bytes that are no entries')
      const list = entries ?? []
      const ascends = list.every(([offset, position], at) => {
        const before = list[at - 1]
        return offset > (before?.[0] ?? -1) && position > (before?.[1] ?? -1)
      })
      expect(ascends, () => 'entries that do not ascend')
      expect(index.entryCount === list.length, () => `${index.entryCount} entries`)
      for (const target of targetsIn(list)) {
        const found = list.findLast(([offset]) => offset <= target)?.[1] ?? 0
        const answer = index.lookup(BASE_OFFSET + target)
        expect(answer === found, () => `${target} is looked up at ${answer}, it is at ${found}`)
      }
    },
  }
}

/** `.timeindex`: ascending times of 64 bits with offsets that don't fall. */
export function timeIndexTarget(make: (baseOffset: number) => TimeIndex): FuzzTarget {
  const index = make(BASE_OFFSET)
  return {
    name: 'time indexes',
    share: 110,
    whole: [0, 1, 5, 70].map((count) => {
      const bytes = new Uint8Array(count * 12)
      for (let at = 0; at < count; at++) {
        viewOf(bytes).setBigInt64(at * 12, BigInt(1_700_000_000_000 + at * 1000))
        viewOf(bytes).setInt32(at * 12 + 8, at * 3)
      }
      return bytes
    }),
    take(bytes) {
      if (!index.load(bytes)) throw new Refused('no index')
      const entries = entriesOf(bytes, 12, (view, at) => [Number(view.getBigInt64(at)), view.getInt32(at + 8)])
      expect(entries !== undefined, () => 'bytes that are no entries')
      const list = entries ?? []
      const ascends = list.every(([time, offset], at) => {
        const before = list[at - 1]
        return offset >= 0 && (before === undefined || (time > before[0] && offset >= before[1]))
      })
      expect(ascends, () => 'entries that do not ascend')
      for (const target of targetsIn(list)) {
        const found = list.findLast(([time]) => time <= target)?.[1] ?? 0
        const answer = index.lookup(target) - BASE_OFFSET
        expect(answer === found, () => `${target} is looked up at ${answer}, it is at ${found}`)
      }
    },
  }
}

/** `.txnindex`, entry by entry. */
export function abortedTarget(read: typeof readAborted = readAborted): FuzzTarget {
  const whole = new Uint8Array(3 * ABORTED_BYTES)
  for (const at of [0, 1, 2]) {
    const lastOffset = 2 ** 32 + at * 100
    const aborted = { producerId: 7 + at, firstOffset: lastOffset - 50, lastOffset, lastStableOffset: lastOffset + 1 }
    writeAborted(viewOf(whole), at * ABORTED_BYTES, aborted)
  }
  return {
    name: 'transaction indexes',
    share: 90,
    whole: [whole, whole.slice(0, ABORTED_BYTES)],
    take(bytes) {
      const view = viewOf(bytes)
      for (let at = 0; at + ABORTED_BYTES <= bytes.length; at += ABORTED_BYTES) {
        const { producerId, firstOffset, lastOffset, lastStableOffset } = read(view, at, '5.txnindex')
        const fields = [2, 10, 18, 26].map((field) => Number(view.getBigUint64(at + field)))
        sameJson([producerId, firstOffset, lastOffset, lastStableOffset], fields, `the entry at ${at}`)
        expect(view.getInt16(at) === 0 && firstOffset <= lastOffset, () => `the entry at ${at} is none`)
        expect(fields.every(Number.isSafeInteger), () => `a field beyond 2^53 in the entry at ${at}`)
      }
      if (bytes.length % ABORTED_BYTES !== 0) throw new Refused('no whole entry')
    },
  }
}

export function indexTargets(kernel: Kernel): readonly FuzzTarget[] {
  return [
    offsetIndexTarget((base) => kernel.offsetIndex(base)),
    timeIndexTarget((base) => kernel.timeIndex(base)),
    abortedTarget(),
  ]
}

function pairs(count: number, pair: (at: number) => readonly [number, number]): Bytes {
  const bytes = new Uint8Array(count * 8)
  for (let at = 0; at < count; at++) {
    const [offset, position] = pair(at)
    viewOf(bytes).setInt32(at * 8, offset)
    viewOf(bytes).setInt32(at * 8 + 4, position)
  }
  return bytes
}

function entriesOf(
  bytes: Bytes,
  entryBytes: number,
  entry: (view: DataView, at: number) => [number, number],
): [number, number][] | undefined {
  if (bytes.length % entryBytes !== 0) return undefined
  const view = viewOf(bytes)
  return Array.from({ length: bytes.length / entryBytes }, (_, at) => entry(view, at * entryBytes))
}

/** At, below and above some of them. */
function targetsIn(entries: readonly (readonly [number, number])[]): number[] {
  const targets = [0]
  for (let turn = 0; turn < LOOKUPS && entries.length > 0; turn++) {
    const [key] = entries[(turn * 31) % entries.length] as [number, number]
    targets.push(key, key + 1)
    if (key > 0) targets.push(key - 1)
  }
  return targets
}
