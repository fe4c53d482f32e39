/**
 * Bytes of a number's zigzag varint, from -2^53 to 2^53 - 1 (kafka.md 1.2). Hot path: nearly all are lengths, and -1
 * for null takes one byte too.
 */
export function varintBytes(value: number): number {
  const folded = value < 0 ? -value - 1 : value
  if (folded < 64) return 1
  if (folded < 8192) return 2
  let bytes = 3
  for (let limit = 1_048_576; folded >= limit; limit *= 128) bytes++
  return bytes
}
