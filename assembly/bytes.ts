/** Big-endian fields, Kafka's order in files and batches. */
// 2^53 - 1: what a JavaScript number holds exactly.
const SAFE: i64 = 9007199254740991

export function load16(address: usize): u32 {
  return <u32>bswap<u16>(load<u16>(address))
}
export function load32(address: usize): u32 {
  return bswap<u32>(load<u32>(address))
}
export function load64(address: usize): i64 {
  return bswap<i64>(load<i64>(address))
}
export function store16(address: usize, value: u32): void {
  store<u16>(address, bswap<u16>(<u16>value))
}
export function store32(address: usize, value: u32): void {
  store<u32>(address, bswap<u32>(value))
}
export function store64(address: usize, value: i64): void {
  store<i64>(address, bswap<i64>(value))
}

export function isSafe(value: i64): bool {
  return value >= -SAFE && value <= SAFE
}
