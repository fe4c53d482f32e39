import type { HeaderList } from '../model/records.ts'
import { varintBytes } from '../model/varint.ts'
import { presentLength } from '../model/view-length.ts'
import type { KernelCore } from './kernel-core.ts'

const encoder = new TextEncoder()

/**
 * Bytes of the header count and all headers. Headers are few and short, so they are measured first and written after.
 */
export function headersSize(headers: HeaderList): number {
  let size = varintBytes(headers.length)
  for (const [name, value] of headers) {
    const nameLength = utf8Length(name)
    size += varintBytes(nameLength) + nameLength
    if (value === null) size += 1
    else {
      const length = typeof value === 'string' ? utf8Length(value) : presentLength(value)
      size += varintBytes(length) + length
    }
  }
  return size
}

/**
 * `sizeBytes` was reserved at `address`. TypeError if the headers take another size by now: a class that is asked for
 * its length may resize others.
 */
export function writeHeaders(core: KernelCore, headers: HeaderList, address: number, sizeBytes: number): void {
  const end = address + sizeBytes
  let at = core.exports.varint_write(address, headers.length) >>> 0
  for (const [name, value] of headers) {
    at = write(core, name, at, end)
    if (value === null) {
      assertRoom(at, 0, end)
      at = core.exports.varint_write(at, -1) >>> 0
    } else at = write(core, value, at, end)
  }
  if (at !== end) throw resized()
}

function write(core: KernelCore, content: string | Uint8Array, at: number, end: number): number {
  if (typeof content !== 'string') return writeBytes(core, content, at, end)
  // Names are ASCII nearly always: no call of the encoder, no array.
  return utf8Length(content) === content.length
    ? writeAscii(core, content, at, end)
    : writeBytes(core, encoder.encode(content), at, end)
}

function writeAscii({ exports, u8 }: KernelCore, text: string, at: number, end: number): number {
  assertRoom(at, text.length, end)
  const place = exports.varint_write(at, text.length) >>> 0
  for (let index = 0; index < text.length; index++) u8[place + index] = text.charCodeAt(index)
  return place + text.length
}

function writeBytes(core: KernelCore, bytes: Uint8Array, at: number, end: number): number {
  const length = presentLength(bytes)
  assertRoom(at, length, end)
  const place = core.exports.varint_write(at, length) >>> 0
  core.u8.set(bytes, place)
  return place + length
}

function assertRoom(at: number, length: number, end: number): void {
  if (at + varintBytes(length) + length > end) throw resized()
}

function resized(): TypeError {
  return new TypeError('a header has another length than before')
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
