import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { crc32 } from '@node-rs/crc32'
import { encodeSnappy, snappyBound } from '../../../bindings/compression/snappy-block.ts'
import { xxhash32 } from '../../../bindings/compression/xxhash32.ts'
import { loadCodecs, nodeCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import { type CompressionCodec, CompressionFault, codecOf } from '../../../bindings/model/compression.ts'
import { referenceLz4, referenceSnappy } from '../reference-codecs.ts'
import { type Bytes, copyOf, expect, type FuzzTarget, Refused, sameBytes, viewOf } from '../target.ts'

/** More than this is a bomb here. */
const BYTES_MAX = 20_000
const BOMB_BYTES = 400_000

const rows = readFileSync('data/flights-20k.json')

/** Real rows, what can't be made smaller, one byte over and over, nothing; and a bomb. */
function contents(): readonly Bytes[] {
  const noise = new Uint8Array(90).map((_, index) => (index * index * 37) >> 3)
  const row = (bytes: number) => new Uint8Array(rows.subarray(0, bytes))
  return [row(120), row(700), noise, new Uint8Array(300), new Uint8Array(0), new Uint8Array(BOMB_BYTES)]
}

type Reference = (bytes: Uint8Array, maxBytes: number) => Uint8Array | undefined

/** With a reference both take the same bytes and give the same; without one what comes out stays within its bound. */
function codecTarget(
  target: Pick<FuzzTarget, 'name' | 'share' | 'whole' | 'reseal'>,
  codec: Pick<CompressionCodec, 'decompress'>,
  check: (out: Uint8Array | undefined, bytes: Bytes) => void,
): FuzzTarget {
  return {
    ...target,
    take(bytes) {
      let out: Uint8Array | undefined
      let fault: CompressionFault | undefined
      try {
        out = codec.decompress(bytes, BYTES_MAX)
      } catch (error) {
        if (!(error instanceof CompressionFault)) throw error
        fault = error
      }
      expect((out?.length ?? 0) <= BYTES_MAX, () => `${out?.length} bytes come out`)
      check(out, bytes)
      if (fault !== undefined) throw new Refused(fault.message)
    },
  }
}

function against(reference: Reference): (out: Uint8Array | undefined, bytes: Bytes) => void {
  return (out, bytes) => {
    const expected = reference(bytes, BYTES_MAX)
    expect(
      (out === undefined) === (expected === undefined),
      () => `it is ${out ? 'taken' : 'refused'}, not so by the reference`,
    )
    if (out !== undefined && expected !== undefined) sameBytes(out, expected, 'what comes out')
  }
}

export function snappyTarget(codec: CompressionCodec = codecOf(nodeCodecs, 'snappy')): FuzzTarget {
  const raw = contents().map((bytes) => {
    const out = new Uint8Array(snappyBound(bytes.length))
    return out.slice(0, encodeSnappy(bytes, 0, bytes.length, out, 0))
  })
  const whole = [
    ...contents().map((bytes) => copyOf(codec.compress(bytes))),
    ...raw.filter(({ length }) => length < 2000),
  ]
  return codecTarget({ name: 'snappy', share: 30, whole: small(whole) }, codec, against(referenceSnappy))
}

export function lz4Target(codec: CompressionCodec = codecOf(nodeCodecs, 'lz4')): FuzzTarget {
  const whole = contents().map((bytes) => copyOf(codec.compress(bytes)))
  const target = { name: 'lz4', share: 30, whole: small([...whole, ...whole.map(withChecksums)]), reseal: resealLz4 }
  return codecTarget(target, codec, against(referenceLz4))
}

/** The same frame with the checksums and the size that other clients add. */
function withChecksums(frame: Bytes): Bytes {
  const out = new Uint8Array(frame.length + 4)
  out.set(frame)
  out[4] = (frame[4] as number) | 0x04
  resealLz4(out)
  return out
}

/** Of the header; and after a frame that has one, that of the content, if it can be known. */
function resealLz4(bytes: Bytes): void {
  if (bytes.length < 15) return
  const headEnd = ((bytes[4] as number) & 8) === 0 ? 6 : 14
  bytes[headEnd] = (xxhash32(bytes, 4, headEnd) >>> 8) & 255
  if (((bytes[4] as number) & 0x1c) !== 4) return
  const without = bytes.slice(0, -4)
  without[4] = (bytes[4] as number) & ~4
  without[6] = (xxhash32(without, 4, 6) >>> 8) & 255
  const content = referenceLz4(without, BYTES_MAX)
  if (content !== undefined) viewOf(bytes).setUint32(bytes.length - 4, xxhash32(content, 0, content.length), true)
}

export function gzipTarget(codec: CompressionCodec = codecOf(nodeCodecs, 'gzip')): FuzzTarget {
  const whole = contents().map((bytes) => copyOf(codec.compress(bytes)))
  const two = new Uint8Array([...gzipSync('one'), ...gzipSync('two')])
  return codecTarget({ name: 'gzip', share: 9, whole: small([...whole, two]) }, codec, (out, bytes) => {
    if (out === undefined) return
    // Of several members one after the other the trailer knows the last one alone.
    const members = Buffer.from(bytes).toString('latin1').split('\x1f\x8b\x08').length - 1
    const [sum, size] = [
      viewOf(bytes).getUint32(bytes.length - 8, true),
      viewOf(bytes).getUint32(bytes.length - 4, true),
    ]
    expect(members > 1 || (crc32(Buffer.from(out)) === sum && out.length === size), () => 'taken against its trailer')
  })
}

export function zstdTarget(codec: CompressionCodec = codecOf(nodeCodecs, 'zstd')): FuzzTarget {
  const whole = contents().map((bytes) => copyOf(codec.compress(bytes)))
  const [known = new Uint8Array(0)] = contents()
  let turns = 0
  return codecTarget({ name: 'zstd', share: 14, whole: small(whole) }, codec, () => {
    if (turns++ % 64 > 0) return
    sameBytes(codec.decompress(whole[0] as Bytes, BYTES_MAX), known, 'a whole frame after a damaged one')
  })
}

/** Mutating a bomb copies it: those of snappy and lz4 are too long for that. */
function small(whole: readonly Bytes[]): readonly Bytes[] {
  return whole.filter(({ length }) => length < 4000)
}

export async function codecTargets(): Promise<readonly FuzzTarget[]> {
  await loadCodecs()
  return [gzipTarget(), snappyTarget(), lz4Target(), zstdTarget()]
}
