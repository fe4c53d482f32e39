/** What oncelog needs of an AbortSignal: any platform's, and any library's, fits. */
export interface AbortSignalLike {
  /** True from the abort on. */
  readonly aborted: boolean
  /** What calls reject with. */
  readonly reason: unknown
  /** Called with 'abort' alone. */
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  /** The listener is one that was added. */
  removeEventListener(type: 'abort', listener: () => void): void
}

/** What oncelog gives as a signal: the platform's own AbortSignal where its types are known, to be handed on, to `fetch` for one. */
export type AbortSignalGiven = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal & AbortSignalLike
  : AbortSignalLike

/** What oncelog gives as a Web stream: the platform's own ReadableStream, of which only this is named here. */
export interface ReadableStreamLike<R> {
  /** Locks the stream to one reader. */
  getReader(): {
    read(): Promise<{ done: false; value: R } | { done: true; value?: R | undefined }>
    cancel(reason?: unknown): Promise<void>
  }
  /** Ends reading; what waits is given up. */
  cancel(reason?: unknown): Promise<void>
}
