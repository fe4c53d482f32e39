import type { HeaderList } from '../model/records.ts'
import { viewLength } from '../model/view-length.ts'
import type { KernelCore } from './kernel-core.ts'
import { varintSize } from './varint.ts'

const encoder = new TextEncoder()

/**
 * Bytes of the header count and all headers. Headers are few and short, so they are measured first and written after.
 */
export function headersSize(headers: HeaderList): number {
  let size = varintSize(headers.length)
  for (const [name, value] of headers) {
    const nameLength = utf8Length(name)
    size += varintSize(nameLength) + nameLength
    if (value === null) size += 1
    else {
      const length = typeof value === 'string' ? utf8Length(value) : viewLength(value)
      size += varintSize(length) + length
    }
  }
  return size
}

/** The place was reserved, so nothing here allocates or fails. */
export function writeHeaders(core: KernelCore, headers: HeaderList, address: number): void {
  let at = core.exports.varint_write(address, headers.length) >>> 0
  for (const [name, value] of headers) {
    at = write(core, name, at)
    at = value === null ? core.exports.varint_write(at, -1) >>> 0 : write(core, value, at)
  }
}

function write(core: KernelCore, content: string | Uint8Array, at: number): number {
  if (typeof content !== 'string') return writeBytes(core, content, at)
  // Names are ASCII nearly always: no call of the encoder, no array.
  return utf8Length(content) === content.length
    ? writeAscii(core, content, at)
    : writeBytes(core, encoder.encode(content), at)
}

function writeAscii({ exports, u8 }: KernelCore, text: string, at: number): number {
  const place = exports.varint_write(at, text.length) >>> 0
  for (let index = 0; index < text.length; index++) u8[place + index] = text.charCodeAt(index)
  return place + text.length
}

function writeBytes({ exports, u8 }: KernelCore, bytes: Uint8Array, at: number): number {
  const place = exports.varint_write(at, viewLength(bytes)) >>> 0
  u8.set(bytes, place)
  return place + viewLength(bytes)
}

/** What the encoder would write; a lone surrogate becomes U+FFFD, three bytes. */
function utf8Length(text: string): number {
  let bytes = text.length
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x80) continue
    bytes += code < 0x800 ? 1 : 2
    if (code >= 0xd800 && code < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
      // A surrogate pair has four bytes: two units are counted already, so two more.
      index++
    }
  }
  return bytes
}
