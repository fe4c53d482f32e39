import type { KeyedRecords } from '../../kernel/kernel.ts'

/** What replaces a record, in a topic where its own key doesn't tell (the catalogue). */
export interface RecordKeys {
  /** The last record of this key stays. */
  readonly key: Uint8Array
  /** A later record whose `key` is this one removes all records that have it as their `endKey`. */
  readonly endKey: Uint8Array
  /**
   * Whether it is that later record itself. It is removed by the same pass as the others: these lie before it and are
   * rewritten before it, so wherever a pass ends, it stays as long as any of them does.
   */
  readonly isEnd: boolean
}

/** `undefined` for a record that replaces nothing and stays. */
export type KeysOf = (key: Uint8Array, value: Uint8Array) => RecordKeys | undefined

/** `records`: the decompressed bytes that `keyed` describes. */
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
