/** What oncelog needs of an AbortSignal: any platform's, and any library's, fits. */
export interface AbortSignalLike {
  /** True once it was aborted. */
  readonly aborted: boolean
  /** What calls reject with that the signal ends. */
  readonly reason: unknown
  /** Called with 'abort' alone. */
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  /** Called with the listener that was added. */
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * The signal that oncelog hands out: the platform's own AbortSignal where its types are known, so that it can be given
 * to `fetch`, for example.
 */
export type AbortSignalGiven = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal & AbortSignalLike
  : AbortSignalLike

/** What oncelog promises of a Web stream on every platform. */
export interface ReadableStreamLike<R> {
  /** Locks the stream to one reader. */
  getReader(): {
    read(): Promise<{ done: false; value: R } | { done: true; value?: R | undefined }>
    cancel(reason?: unknown): Promise<void>
  }
  /** Ends the reading; what waits is given up. */
  cancel(reason?: unknown): Promise<void>
}

/** Merges with the platform's own declaration where its types are known; empty elsewhere. */
declare global {
  interface ReadableStream<R> {}
}

/**
 * The Web stream that oncelog hands out: the platform's own ReadableStream where its types are known, so that it can be
 * piped, iterated and given to `new Response` or `Readable.fromWeb`.
 */
export type ReadableStreamGiven<R> = ReadableStream<R> & ReadableStreamLike<R>
