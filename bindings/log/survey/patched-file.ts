import type { StoreFile } from '../../storage/file-store.ts'

/** Bytes of a file that checkpoint or journal have too: a recovery would write them to this place again. */
export interface Patch {
  readonly position: number
  readonly bytes: Uint8Array
}

/**
 * A file as a recovery would leave it: the patches replace what it holds. It is longer where they reach beyond its end.
 */
export function patchedFile(file: StoreFile, patches: readonly Patch[]): StoreFile {
  return patches.length === 0 ? file : new PatchedFile(file, patches)
}

class PatchedFile implements StoreFile {
  readonly #file: StoreFile
  readonly #patches: readonly Patch[]

  constructor(file: StoreFile, patches: readonly Patch[]) {
    this.#file = file
    this.#patches = [...patches].sort((a, b) => a.position - b.position)
  }

  get path(): string {
    return this.#file.path
  }

  /** What lies after a gap that no patch covers can't be read. */
  size(): number {
    let sizeBytes = this.#file.size()
    for (const { position, bytes } of this.#patches) {
      if (position <= sizeBytes) sizeBytes = Math.max(sizeBytes, position + bytes.length)
    }
    return sizeBytes
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.size() - position))
    this.#file.read(into.subarray(0, count), position)
    for (const patch of this.#patches) {
      const from = Math.max(position, patch.position)
      const to = Math.min(position + count, patch.position + patch.bytes.length)
      if (from < to) into.set(patch.bytes.subarray(from - patch.position, to - patch.position), from - position)
    }
    return count
  }

  write(bytes: Uint8Array, position: number): number {
    return this.#file.write(bytes, position)
  }

  truncate(sizeBytes: number): void {
    this.#file.truncate(sizeBytes)
  }

  flush(): ReturnType<StoreFile['flush']> {
    return this.#file.flush()
  }

  close(): void {
    this.#file.close()
  }
}
