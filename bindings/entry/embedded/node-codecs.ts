// The default: a bundler takes a namespace for what it has in the newest Node.
import zlib from 'node:zlib'
import { lz4 } from '../../compression/lz4.ts'
import { snappy } from '../../compression/snappy.ts'
import { zstdOf } from '../../compression/zstd.ts'
import { isWholeZstdFrame } from '../../compression/zstd-frame.ts'
import { badCompression, type Codecs, type CompressionCodec, tooLarge } from '../../model/compression.ts'

/** A call of Node's zlib; those for zstd exist since 22.15. */
type Squeeze = (bytes: Uint8Array) => Uint8Array
type Release = (bytes: Uint8Array, options: { maxOutputLength: number; info: true }) => unknown
interface Released {
  readonly buffer: Uint8Array
  readonly engine: { readonly bytesWritten: number }
}

function platformCodec(name: string, squeeze: Squeeze, release: Release): CompressionCodec {
  return {
    compress: (bytes) => squeeze(bytes),
    decompress(bytes, maxBytes) {
      let released: Released
      try {
        released = release(bytes, { maxOutputLength: Math.max(maxBytes, 1), info: true }) as Released
      } catch (error) {
        if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes)
        throw badCompression(`${name}: ${error instanceof Error ? error.message : 'it fails'}`)
      }
      const { buffer, engine } = released
      if (engine.bytesWritten !== bytes.length) throw badCompression(`bytes after the end of ${name}`)
      if (buffer.length > maxBytes) throw tooLarge(maxBytes)
      return buffer
    },
  }
}

let wasmZstd: CompressionCodec | undefined
let loading: Promise<void> | undefined

/** The codecs of Node, Deno and Bun: the platform's own where it has them. Zstandard may have to be loaded first. */
export const nodeCodecs: Codecs = {
  gzip: platformCodec('gzip', zlib.gzipSync, zlib.gunzipSync as Release),
  snappy,
  lz4,
  get zstd() {
    return ownZstd ?? wasmZstd
  },
}

const ownZstd = platformZstd()

function platformZstd(): CompressionCodec | undefined {
  const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as Record<string, unknown>
  if (typeof zstdCompressSync !== 'function' || typeof zstdDecompressSync !== 'function') return undefined
  const codec = platformCodec('zstd', zstdCompressSync as Squeeze, zstdDecompressSync as Release)
  return {
    compress: codec.compress,
    decompress(bytes, maxBytes) {
      // Node 22 takes cut or empty input for whole, and gives what it has of it (nodejs/node issue 64592).
      if (!isWholeZstdFrame(bytes)) throw badCompression('not one whole frame of zstd')
      return codec.decompress(bytes, maxBytes)
    },
  }
}

/** If the bundle of a program lacks the module, only programs that need it notice. */
export function loadCodecs(): Promise<void> {
  loading ??= ownZstd === undefined ? loadZstd().catch(() => {}) : Promise.resolve()
  return loading
}

async function loadZstd(): Promise<void> {
  const { default: base64 } = await import('#zstd')
  wasmZstd = zstdOf(() => new Uint8Array(zlib.gunzipSync(Buffer.from(base64, 'base64'))))
}
