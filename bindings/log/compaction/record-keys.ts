import type { KeyedRecords } from '../../kernel/kernel.ts'

/** By what a record is replaced, in a topic where its own key doesn't tell (the catalogue). */
export interface RecordKeys {
  /** The last record of this key stays. */
  readonly key: Uint8Array
  /** A later record of this key takes all of its others along. */
  readonly endKey: Uint8Array
  /**
   * Such a record itself: it goes with the pass that takes its others. They lie before it, and what lies before is rewritten before, so that whatever
   * ends a pass leaves it as long as one of them.
   */
  readonly isEnd: boolean
}

/** `undefined`: it says nothing, and stays. */
export type KeysOf = (key: Uint8Array, value: Uint8Array) => RecordKeys | undefined

/** `records`: the plain bytes that `keyed` lays out. */
export function keysOfRecord(
  keysOf: KeysOf,
  records: Uint8Array,
  keyed: KeyedRecords,
  index: number,
): RecordKeys | undefined {
  const [keyAt, keyLength] = [keyed.keyPositionOf(index), keyed.keyLengthOf(index)]
  const [valueAt, valueLength] = [keyed.valuePositionOf(index), keyed.valueLengthOf(index)]
  if (keyLength < 0 || valueLength < 0) return undefined
  return keysOf(records.subarray(keyAt, keyAt + keyLength), records.subarray(valueAt, valueAt + valueLength))
}
