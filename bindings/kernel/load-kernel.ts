import base64 from '#kernel'

let compiled: WebAssembly.Module | undefined

/** The kernel's module from the inlined bytes; compiled once. */
export function loadKernelModule(): WebAssembly.Module {
  if (!compiled) {
    const text = atob(base64)
    const bytes = new Uint8Array(text.length)
    for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index)
    compiled = new WebAssembly.Module(bytes)
  }
  return compiled
}
