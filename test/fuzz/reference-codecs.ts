// Snappy and LZ4 once more, byte by byte as their descriptions say it; `undefined`: no such bytes. Only the hash is
// that of bindings/compression/, which tests of its own hold.
import { xxhash32 } from '../../bindings/compression/xxhash32.ts'

class Input {
  readonly bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  take(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new RangeError('it ends too early')
    return byte
  }

  little(width: number): number {
    let value = 0
    for (let index = 0; index < width; index++) value += this.take() * 256 ** index
    return value
  }

  big32(): number {
    return ((this.take() << 24) | (this.take() << 16) | (this.take() << 8) | this.take()) >>> 0
  }

  part(length: number): Input {
    if (length > this.left) throw new RangeError('it ends too early')
    this.at += length
    return new Input(this.bytes.subarray(this.at - length, this.at))
  }
}

function refuseIf(isWrong: boolean, what: string): void {
  if (isWrong) throw new RangeError(what)
}

function attempted(read: () => number[]): Uint8Array | undefined {
  try {
    return Uint8Array.from(read())
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Of what stands in `out` from `from` on, no further back. */
function copyBack(out: number[], distance: number, length: number, from: number): void {
  refuseIf(distance === 0 || distance > out.length - from, 'a copy from before the beginning')
  for (let index = 0; index < length; index++) out.push(out[out.length - distance] as number)
}

const SNAPPY_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]

export function referenceSnappy(bytes: Uint8Array, maxBytes: number): Uint8Array | undefined {
  return attempted(() => {
    const out: number[] = []
    const isFrame = SNAPPY_MAGIC.every((byte, index) => bytes[index] === byte)
    const input = new Input(bytes)
    if (!isFrame) snappyBlock(input, out, maxBytes)
    else {
      input.part(16)
      while (input.left > 0) snappyBlock(input.part(input.big32()), out, maxBytes)
    }
    return out
  })
}

function snappyBlock(input: Input, out: number[], maxBytes: number): void {
  let length = 0
  for (let shift = 0; ; shift += 7) {
    refuseIf(shift > 28, 'a length of more than 32 bits')
    const group = input.take()
    length += (group & 127) * 2 ** shift
    if (group < 128) break
  }
  const from = out.length
  refuseIf(from + length > maxBytes, 'too much')
  while (input.left > 0) {
    const tag = input.take()
    const upper = tag >> 2
    if ((tag & 3) === 0) {
      const size = 1 + (upper < 60 ? upper : input.little(upper - 59))
      refuseIf(out.length - from + size > length, 'more than its length')
      out.push(...input.part(size).bytes)
    } else {
      const size = (tag & 3) === 1 ? 4 + (upper & 7) : 1 + upper
      const distance = (tag & 3) === 1 ? (tag >> 5) * 256 + input.take() : input.little((tag & 3) === 2 ? 2 : 4)
      refuseIf(out.length - from + size > length, 'more than its length')
      copyBack(out, distance, size, from)
    }
  }
  refuseIf(out.length - from !== length, 'less than its length')
}

export function referenceLz4(bytes: Uint8Array, maxBytes: number): Uint8Array | undefined {
  return attempted(() => {
    const out: number[] = []
    const input = new Input(bytes)
    refuseIf(input.little(4) !== 0x184d2204, 'no frame')
    const [flg, bd] = [input.take(), input.take()]
    const contentSize = (flg & 8) === 0 ? undefined : input.little(8)
    refuseIf(flg >> 6 !== 1 || (flg & 3) !== 0 || (bd & 0x8f) !== 0 || bd < 0x40, 'another kind of frame')
    refuseIf(((xxhash32(bytes, 4, input.at) >>> 8) & 255) !== input.take(), 'a checksum')
    for (let word = input.little(4); word !== 0; word = input.little(4)) {
      const isStored = word >= 2 ** 31
      const block = input.part(isStored ? word - 2 ** 31 : word)
      refuseIf(block.bytes.length === 0, 'an empty block')
      if ((flg & 16) !== 0) refuseIf(input.little(4) !== xxhash32(block.bytes, 0, block.bytes.length), 'a checksum')
      const before = out.length
      if (isStored) out.push(...block.bytes)
      else lz4Block(block, out, (flg & 32) !== 0 ? before : Math.max(0, before - 65_536), maxBytes)
      refuseIf(out.length - before > 65_536 * 4 ** ((bd >> 4) - 4) || out.length > maxBytes, 'too much')
    }
    if ((flg & 4) !== 0) refuseIf(input.little(4) !== xxhash32(Uint8Array.from(out), 0, out.length), 'a checksum')
    refuseIf(input.left > 0 || (contentSize ?? out.length) !== out.length, 'another size')
    return out
  })
}

function lz4Block(input: Input, out: number[], from: number, maxBytes: number): void {
  for (;;) {
    const token = input.take()
    const literals = lz4Length(input, token >> 4)
    out.push(...input.part(literals).bytes)
    refuseIf(out.length > maxBytes, 'too much')
    if (input.left === 0) return
    const distance = input.little(2)
    const length = 4 + lz4Length(input, token & 15)
    refuseIf(out.length + length > maxBytes, 'too much')
    copyBack(out, distance, length, from)
  }
}

function lz4Length(input: Input, nibble: number): number {
  let length = nibble
  if (nibble === 15) {
    for (let byte = 255; byte === 255; length += byte) byte = input.take()
  }
  return length
}
