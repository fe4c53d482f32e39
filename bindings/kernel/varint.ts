/** Bytes of the zigzag varint of a length; -1 (null) takes one too. */
export function varintSize(length: number): number {
  if (length < 64) return 1
  if (length < 8192) return 2
  if (length < 1048576) return 3
  return length < 134217728 ? 4 : 5
}
