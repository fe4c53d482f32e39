/**
 * Varints of records: zigzag, least significant group of seven bits first. Nearly all take one byte or two, so these
 * have ways of their own.
 */

export function zigzag32(value: i32): u32 {
  return (value << 1) ^ (value >> 31)
}

/** Bytes of a zigzagged number. Nearly always one or two: predicted branches are cheaper than a division by seven. */
export function varintSize(zigzagged: u64): u32 {
  if (zigzagged < 0x80) return 1
  return zigzagged < 0x4000 ? 2 : (70 - <u32>clz(zigzagged)) / 7
}

export function writeVarint(address: usize, zigzagged: u64): usize {
  if (zigzagged < 0x80) {
    store<u8>(address, <u8>zigzagged)
    return address + 1
  }
  return zigzagged < 0x4000 ? writeTwo(address, <u32>zigzagged) : writeMany(address, zigzagged)
}

function writeTwo(address: usize, zigzagged: u32): usize {
  store<u16>(address, (zigzagged & 0x7f) | 0x80 | ((zigzagged >>> 7) << 8))
  return address + 2
}

function writeMany(address: usize, zigzagged: u64): usize {
  while (zigzagged > 0x7f) {
    store<u8>(address++, <u8>zigzagged | 0x80)
    zigzagged >>>= 7
  }
  store<u8>(address, <u8>zigzagged)
  return address + 1
}

/** Of numbers below 0x4000. */
export function writeShort(address: usize, zigzagged: u32): usize {
  if (zigzagged > 0x7f) return writeTwo(address, zigzagged)
  store<u8>(address, zigzagged)
  return address + 1
}

export function varint_write(address: usize, value: i32): usize {
  return writeVarint(address, <u64>zigzag32(value))
}
