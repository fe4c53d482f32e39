// Every codec: what was compressed decompresses to the same, whatever it is; input that is cut, longer, mutated or too
// large is a fault and nothing else.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeLz4, lz4Bound } from '../../bindings/compression/lz4-block.ts'
import { xxhash32 } from '../../bindings/compression/xxhash32.ts'
import { zstdOf } from '../../bindings/compression/zstd.ts'
import { isWholeZstdFrame } from '../../bindings/compression/zstd-frame.ts'
import { loadCodecs, nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import {
  COMPRESSION_TYPES,
  type CompressionCodec,
  CompressionFault,
  codecOf,
} from '../../bindings/model/compression.ts'
import { type Random, seeded } from '../kernel/support.ts'

const MAX = 32 << 20
const flights = readFileSync('data/flights-20k.json').subarray(0, 300_000)

await loadCodecs()

/** From what can't be made smaller to what is one byte over and over, at sizes around those of blocks and chunks. */
function content(random: Random): Uint8Array {
  const size = random.pick([0, 1, 3, 12, 13, 16, 17, 60, 61, 256, 257, 4096, 32_768, 32_769, 65_536, 65_537, 140_000])
  switch (random.below(4)) {
    case 0:
      return random.bytes(size)
    case 1:
      return new Uint8Array(size).fill(random.below(256))
    case 2: {
      const from = random.below(flights.length - size)
      return new Uint8Array(flights.subarray(from, from + size))
    }
    default: {
      // Repeats at any distance, which overlap themselves.
      const bytes = random.bytes(size)
      const period = 1 + random.below(90)
      for (let at = period; at < size; at++) if (!random.chance(0.01)) bytes[at] = bytes[at - period] as number
      return bytes
    }
  }
}

function faultOf(codec: CompressionCodec, bytes: Uint8Array, maxBytes: number = MAX): string | undefined {
  try {
    codec.decompress(bytes, maxBytes)
    return undefined
  } catch (error) {
    if (error instanceof CompressionFault) return error.kind
    throw error
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

for (const type of COMPRESSION_TYPES) {
  const codec = codecOf(nodeCodecs, type)

  test(
    `${type}: what goes in comes out, at its exact size, and no byte less`,
    seeded(41, (random) => {
      for (let round = 0; round < 120; round++) {
        const plain = content(random)
        const squeezed = codec.compress(plain)
        const out = codec.decompress(squeezed, plain.length)
        assert.ok(isSame(out, plain), `${plain.length} bytes`)
        if (plain.length > 0) assert.is(faultOf(codec, squeezed, plain.length - 1), 'too-large')
      }
    }),
  )

  test(
    `${type}: cut anywhere, or with bytes after its end, it is a fault`,
    seeded(42, (random) => {
      const plain = flights.subarray(0, 3000)
      const squeezed = codec.compress(plain)
      for (let length = 0; length < squeezed.length; length++) {
        const cut = squeezed.subarray(0, length)
        // Raw snappy and a frame of chunks may end where a chunk does; here there is one.
        if (type === 'snappy' && length === 16) continue
        assert.is(faultOf(codec, cut), 'bad-compression', `${length} bytes`)
      }
      for (const more of [[0], [1], [0, 0, 0, 0], [...random.bytes(9)]]) {
        const longer = Uint8Array.from([...squeezed, ...more])
        assert.is(faultOf(codec, longer), 'bad-compression', `${more}`)
      }
    }),
  )

  test(
    `${type}: mutated bytes are a fault, or come out as something within the limit`,
    seeded(43, (random) => {
      const squeezed = codec.compress(flights.subarray(0, 20_000))
      for (let round = 0; round < 3000; round++) {
        const bytes = new Uint8Array(squeezed)
        for (let hits = 1 + random.below(3); hits > 0; hits--) {
          const at = random.chance(0.5) ? random.below(40) : random.below(bytes.length)
          bytes[at] = random.chance(0.3) ? 0xff : random.below(256)
        }
        if (faultOf(codec, bytes, 100_000) === undefined) assert.ok(codec.decompress(bytes, 100_000).length <= 100_000)
      }
    }),
  )
}

test('a bomb is refused at its limit, for as little memory', () => {
  const zeros = new Uint8Array(24 << 20)
  for (const type of COMPRESSION_TYPES) {
    const codec = codecOf(nodeCodecs, type)
    const bomb = codec.compress(zeros)
    assert.is(faultOf(codec, bomb, 1 << 20), 'too-large', type)
  }
  // A gzip of a gzip's kind: 1 GiB in about a megabyte.
  const part = gzipSync(zeros)
  const many = Buffer.concat(Array.from({ length: 43 }, () => part))
  const before = process.memoryUsage().rss
  assert.is(faultOf(codecOf(nodeCodecs, 'gzip'), many, 1 << 20), 'too-large')
  assert.ok(process.memoryUsage().rss - before < 32 << 20)
})

test('checksums of LZ4 frames are looked at', () => {
  const codec = codecOf(nodeCodecs, 'lz4')
  const plain = flights.subarray(0, 5000)
  const frame = codec.compress(plain)
  const checked = new Uint8Array(frame.length + 4)
  checked.set(frame)
  checked[4] = (frame[4] as number) | 0x04
  assert.is(faultOf(codec, checked), 'bad-compression', 'of the header')
  checked[6] = (xxhash32(checked, 4, 6) >>> 8) & 0xff
  assert.is(faultOf(codec, checked), 'bad-compression', 'of the content')
  new DataView(checked.buffer).setUint32(frame.length, xxhash32(plain, 0, plain.length), true)
  assert.ok(isSame(codec.decompress(checked, MAX), plain))
})

/** A frame with a right header around these blocks, each with its length and its end mark. */
function lz4Frame(
  flg: number,
  bd: number,
  ...blocks: readonly (readonly [word: number, bytes: Uint8Array])[]
): Uint8Array {
  const words = [...blocks.map(([word]) => word), 0].map((word) => {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, word, true)
    return bytes
  })
  const content = words.flatMap((word, index) => [...word, ...(blocks[index]?.[1] ?? [])])
  const frame = Uint8Array.from([0x04, 0x22, 0x4d, 0x18, flg, bd, 0, ...content])
  frame[6] = (xxhash32(frame, 4, 6) >>> 8) & 0xff
  return frame
}

test('an LZ4 frame says of what kind it is, and its blocks keep to that', () => {
  const codec = codecOf(nodeCodecs, 'lz4')
  const [flg, bd, isStored] = [0x60, 0x40, 0x8000_0000]
  const text = Uint8Array.of(1, 2, 3)
  const stored = [isStored + text.length, text] as const
  assert.equal(codec.decompress(lz4Frame(flg, bd, stored, stored), MAX), Uint8Array.of(1, 2, 3, 1, 2, 3))
  // 70,000 bytes in one block: more than 64 KiB, less than the 256 KiB of the next kind.
  const long = new Uint8Array(70_000)
  const room = new Uint8Array(lz4Bound(long.length))
  const block = room.subarray(0, encodeLz4(long, 0, long.length, room, 0))
  assert.ok(isSame(codec.decompress(lz4Frame(flg, 0x50, [block.length, block]), MAX), long))
  const wrong: Readonly<Record<string, Uint8Array>> = {
    'a block that is larger than the frame allows': lz4Frame(flg, bd, [block.length, block]),
    'a block of nothing': lz4Frame(flg, bd, [isStored, new Uint8Array(0)]),
    'blocks of a size that there is not': lz4Frame(flg, 0x30, stored),
    'another version': lz4Frame(0xa0, bd, stored),
    'a dictionary that nobody has': lz4Frame(flg | 0x01, bd, stored),
    'a reserved flag': lz4Frame(flg | 0x02, bd, stored),
    'a reserved bit': lz4Frame(flg, bd | 0x80, stored),
  }
  for (const [what, frame] of Object.entries(wrong)) assert.is(faultOf(codec, frame), 'bad-compression', what)
})

test('a snappy length that its bytes can not keep takes no memory', () => {
  const codec = codecOf(nodeCodecs, 'snappy')
  assert.is(faultOf(codec, Uint8Array.from([0x80, 0x80, 0x80, 0x08, 0x00, 0x61])), 'bad-compression')
})

// Regression: where Node's own zstd takes cut input for whole (22 does), a cut batch was an empty or a shorter one.
test(
  'whether a frame of zstd is whole is told without decompressing it',
  seeded(44, (random) => {
    const codec = codecOf(nodeCodecs, 'zstd')
    for (let round = 0; round < 40; round++) {
      const frame = codec.compress(content(random))
      assert.ok(isWholeZstdFrame(frame), `${frame.length} bytes`)
      const cut = random.below(frame.length)
      assert.not(isWholeZstdFrame(frame.subarray(0, cut)), `${cut} of ${frame.length} bytes`)
      assert.not(isWholeZstdFrame(Uint8Array.from([...frame, 0])), 'a byte after it')
    }
  }),
)

test('a frame of zstd may have a window, a dictionary, a size and a checksum, or none of them', () => {
  const magic = [0x28, 0xb5, 0x2f, 0xfd]
  const [window, raw, run] = [0x58, [3 << 3, 0, 0, 1, 2, 3], [(9 << 3) | 2 | 1, 0, 0, 7]]
  const whole: Readonly<Record<string, readonly number[]>> = {
    'a window only, as it is streamed': [0x00, window, ...raw, ...run],
    'a checksum': [0x04, window, ...raw, ...run, 1, 2, 3, 4],
    'a single segment with its size in one byte': [0x20, 12, ...raw, ...run],
    'a single segment with its size in two bytes': [0x60, 12, 0, ...raw, ...run],
    'a window and a size of four bytes': [0x80, window, 12, 0, 0, 0, ...raw, ...run],
    'a window, a dictionary of one byte and a size of eight': [
      0xc1,
      window,
      5,
      12,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      ...raw,
      ...run,
    ],
  }
  for (const [what, rest] of Object.entries(whole)) {
    const frame = Uint8Array.from([...magic, ...rest])
    assert.ok(isWholeZstdFrame(frame), what)
    for (let length = 0; length < frame.length; length++) assert.not(isWholeZstdFrame(frame.subarray(0, length)), what)
  }
  assert.not(isWholeZstdFrame(Uint8Array.from([0x29, ...magic.slice(1), 0x00, window, ...raw, ...run])), 'no frame')
})

test('the WASM module of zstd reads what it wrote, and an instance that grew is given up', async () => {
  const { default: base64 } = await import('#zstd')
  const { gunzipSync } = await import('node:zlib')
  const codec = zstdOf(() => new Uint8Array(gunzipSync(Buffer.from(base64, 'base64'))))
  const large = new Uint8Array(20 << 20).fill(7)
  const { Instance } = WebAssembly
  let made = 0
  class Counted extends Instance {
    constructor(...given: ConstructorParameters<typeof Instance>) {
      super(...given)
      made++
    }
  }
  WebAssembly.Instance = Counted
  try {
    for (let round = 0; round < 5; round++) assert.ok(isSame(codec.decompress(codec.compress(flights), MAX), flights))
    assert.ok(made <= 1, `${made} instances for what needs little`)
    for (let round = 1; round <= 3; round++) {
      made = 0
      assert.ok(isSame(codec.decompress(codec.compress(large), 20 << 20), large))
      assert.ok(isSame(codec.decompress(codec.compress(flights), MAX), flights))
      assert.is(made, 1, `round ${round}: a new one after what needed much`)
    }
  } finally {
    WebAssembly.Instance = Instance
  }
})

test.run()
