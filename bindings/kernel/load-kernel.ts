import base64 from '#kernel'
import { ofWebAssembly } from '../model/web-assembly.ts'

let compiled: WebAssembly.Module | undefined

/**
 * The kernel's module from the inlined bytes; compiled once. `decode`: the platform's base64 decoder, ten times as fast
 * as a loop.
 */
export function loadKernelModule(
  decode: (base64: string) => Uint8Array<ArrayBuffer> = decodeBase64,
): WebAssembly.Module {
  compiled ??= ofWebAssembly(() => new WebAssembly.Module(decode(base64)))
  return compiled
}

function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index)
  return bytes
}
