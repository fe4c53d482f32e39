/** What oncelog needs of an AbortSignal: any platform's, and any library's, fits. */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** What oncelog gives as a Web stream: the platform's own ReadableStream. */
export interface ReadableStreamLike<R> {
  getReader(): {
    read(): Promise<{ done: false; value: R } | { done: true; value?: R | undefined }>
    cancel(reason?: unknown): Promise<void>
  }
  cancel(reason?: unknown): Promise<void>
}
