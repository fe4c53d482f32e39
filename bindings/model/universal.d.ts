/**
 * Every global that the core may use beyond lib es2023: what Node, Deno, Bun, browsers, workers and edge runtimes all
 * have. Nothing else compiles there (tsconfig.core.json). No clock, no random, no timer: those are handed in.
 * WebAssembly stands in bindings/kernel/webassembly.d.ts, because the platform rooms need it too.
 */
interface TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>
  encodeInto(text: string, into: Uint8Array): { read: number; written: number }
}
declare var TextEncoder: { new (): TextEncoder }

interface TextDecoder {
  decode(bytes?: ArrayBufferView | ArrayBuffer, options?: { stream?: boolean }): string
}
declare var TextDecoder: { new (label?: 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean }): TextDecoder }

declare function atob(base64: string): string

interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
  throwIfAborted(): void
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}
interface AbortController {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}
declare var AbortController: { new (): AbortController }

interface ReadableStreamDefaultController<T> {
  readonly desiredSize: number | null
  enqueue(chunk: T): void
  close(): void
  error(reason: unknown): void
}
interface ReadableStream<R> {
  cancel(reason?: unknown): Promise<void>
  getReader(): {
    read(): Promise<{ done: false; value: R } | { done: true; value: undefined }>
    cancel(reason?: unknown): Promise<void>
    releaseLock(): void
  }
}
declare var ReadableStream: {
  new <T>(
    source: {
      start?(controller: ReadableStreamDefaultController<T>): void | Promise<void>
      pull?(controller: ReadableStreamDefaultController<T>): void | Promise<void>
      cancel?(reason: unknown): void | Promise<void>
    },
    strategy?: { highWaterMark?: number },
  ): ReadableStream<T>
}

/** Only a name in the typings of @assemblyscript/loader; the core never fetches. */
interface Response {
  readonly ok: boolean
}
