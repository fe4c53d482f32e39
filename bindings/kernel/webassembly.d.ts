/**
 * The part of WebAssembly that the kernel and its loader use. Neither lib es2023 nor Node's types declare it, and the
 * DOM library would declare far too much.
 */
type BufferSource = ArrayBufferView | ArrayBuffer

declare namespace WebAssembly {
  class Module {
    constructor(bytes: BufferSource)
    private readonly brand
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>)
    readonly exports: Record<string, unknown>
  }
  class Memory {
    constructor(limits: { initial: number; maximum?: number })
    readonly buffer: ArrayBuffer
    /** Adds pages of 64 KiB; returns the size before, in pages. */
    grow(pages: number): number
  }
  class Table {
    get(index: number): unknown
    readonly length: number
  }
  class RuntimeError extends Error {}
  class CompileError extends Error {}
  function compile(bytes: BufferSource): Promise<Module>
  function instantiate(module: Module, imports?: Record<string, Record<string, unknown>>): Promise<Instance>
}
