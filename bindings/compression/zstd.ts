import { badCompression, type CompressionCodec, tooLarge } from '../model/compression.ts'
import { ofWebAssembly } from '../model/web-assembly.ts'

/**
 * Zstandard by the WASM module of the package @bokuweb/zstd-wasm, for platforms without it. The package's own glue code
 * waits for the module and reads files. So its exports are called directly, by their minified names in the version that
 * package.json pins.
 */
interface ZstdExports {
  readonly f: WebAssembly.Memory
  /** Runs the static constructors; to be called once. */
  readonly g: () => void
  readonly h: (code: number) => number
  readonly i: (sizeBytes: number) => number
  readonly m: (to: number, room: number, from: number, sizeBytes: number, level: number) => number
  readonly r: (to: number, room: number, from: number, sizeBytes: number) => number
  readonly s: (sizeBytes: number) => number
  readonly t: (address: number) => void
}

/** Kafka's default. */
const LEVEL = 3
/** ZSTD_error_dstSize_tooSmall. */
const NO_ROOM = -70
const PAGE_BYTES = 65_536
/** WASM memory never shrinks: an instance that grew by more than this is dropped. */
const KEPT_GROWTH_BYTES = 16 * 1024 * 1024
const FIRST_ROOM_BYTES = 64 * 1024
const USUAL_RATIO = 8

/** `load` gives the module's bytes, at the first use. */
export function zstdOf(load: () => Uint8Array<ArrayBuffer>): CompressionCodec {
  let module: WebAssembly.Module | undefined
  let instance: Zstd | undefined
  const made = () => {
    module ??= new WebAssembly.Module(load())
    return new Zstd(module)
  }
  const run = (work: (zstd: Zstd) => Uint8Array): Uint8Array => {
    const zstd = instance ?? ofWebAssembly(made)
    instance = undefined
    let isWhole = true
    try {
      return work(zstd)
    } catch (error) {
      isWhole = !(error instanceof WebAssembly.RuntimeError)
      throw isWhole ? error : badCompression('zstd trapped')
    } finally {
      if (isWhole && zstd.grownBytes <= KEPT_GROWTH_BYTES) instance = zstd
    }
  }
  return {
    compress: (bytes) => run((zstd) => zstd.compress(bytes)),
    decompress: (bytes, maxBytes) => run((zstd) => zstd.decompress(bytes, maxBytes)),
  }
}

const nothing = new Uint8Array(0)

class Zstd {
  readonly #exports: ZstdExports
  readonly #firstBytes: number

  constructor(module: WebAssembly.Module) {
    const refuse = () => {
      throw new WebAssembly.RuntimeError('zstd asked for what it has no need of')
    }
    const grow = (sizeBytes: number) => this.#grow(sizeBytes >>> 0)
    const { exports } = new WebAssembly.Instance(module, { a: { a: refuse, b: refuse, c: refuse, d: refuse, e: grow } })
    this.#exports = exports as unknown as ZstdExports
    this.#exports.g()
    this.#firstBytes = this.#exports.f.buffer.byteLength
  }

  get grownBytes(): number {
    return this.#exports.f.buffer.byteLength - this.#firstBytes
  }

  #grow(sizeBytes: number): number {
    try {
      this.#exports.f.grow(Math.ceil((sizeBytes - this.#exports.f.buffer.byteLength) / PAGE_BYTES))
      return 1
    } catch {
      return 0
    }
  }

  compress(bytes: Uint8Array): Uint8Array {
    const room = this.#exports.i(bytes.length) >>> 0
    return this.#within(bytes, room, (to, from) => this.#exports.m(to, room, from, bytes.length, LEVEL))
  }

  /** Frames that were streamed, as Java writes them, don't tell their size: room is doubled until it is enough. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
    // zstd itself takes empty input for no error.
    if (bytes.length === 0) throw badCompression('no zstd frame')
    for (let room = Math.max(FIRST_ROOM_BYTES, bytes.length * USUAL_RATIO); ; room *= 2) {
      const roomBytes = Math.min(room, maxBytes)
      let code = 0
      const out = this.#within(bytes, roomBytes, (to, from) => {
        code = this.#exports.r(to, roomBytes, from, bytes.length)
        return code
      })
      if (this.#exports.h(code) === 0) return out
      if (code !== NO_ROOM) throw badCompression(`zstd refuses it with code ${-code}`)
      if (room >= maxBytes) throw tooLarge(maxBytes)
    }
  }

  /** The output of `call`, after its result was checked. */
  #within(bytes: Uint8Array, roomBytes: number, call: (to: number, from: number) => number): Uint8Array {
    const { s: allocate, t: free, f: memory, h: isError } = this.#exports
    const from = allocate(bytes.length)
    const to = allocate(roomBytes)
    try {
      if (from === 0 || to === 0) throw tooLarge(roomBytes)
      new Uint8Array(memory.buffer, from, bytes.length).set(bytes)
      const written = call(to, from)
      return isError(written) === 0 ? new Uint8Array(memory.buffer, to, written).slice() : nothing
    } finally {
      free(from)
      free(to)
    }
  }
}
