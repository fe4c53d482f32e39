/** Arrays of at most this size lie in V8's heap, where fresh memory costs next to nothing. */
const ON_HEAP_BYTES = 64

/**
 * A value that is kept for long: the same object is the same value. Its bytes may move, and once another value has
 * replaced it they may be that one's.
 */
export class KeptValue {
  bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Moves it out of the batch or block that it lies in; nobody looks at the value that it replaces from now on. */
  moveOut(replaced: KeptValue | undefined): void {
    this.bytes = ownMemory(this.bytes, replaced?.bytes)
  }
}

/**
 * A copy that shares memory with nothing else: a value of a few bytes would keep alive all of the batch that it was
 * read from. It goes where the value that it replaces is, if it fits well: fresh memory costs more than the copy.
 */
export function ownMemory(bytes: Uint8Array, replaced: Uint8Array | undefined): Uint8Array {
  const { length } = bytes
  if (replaced === undefined || Math.min(length, replaced.length) <= ON_HEAP_BYTES) return new Uint8Array(bytes)
  const { byteLength } = replaced.buffer
  if (length > byteLength || length * 2 < byteLength) return new Uint8Array(bytes)
  const into = length === replaced.length ? replaced : new Uint8Array(replaced.buffer, 0, length)
  into.set(bytes)
  return into
}
