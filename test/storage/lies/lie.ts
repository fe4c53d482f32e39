import { LogError } from '../../../bindings/model/errors.ts'
import type { MemoryStore } from '../../../bindings/storage/drivers/memory.ts'
import type { FileStore, StoreFile } from '../../../bindings/storage/file-store.ts'
import type { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** A store that keeps every promise. */
export type HonestStore = MemoryStore | VirtualDisk

/** What a lie may put in place of the honest operations, which it still has. */
export interface Lie {
  /** How the name of the case begins that tells. */
  readonly by: string
  store?(lying: Mutable<FileStore>, honest: HonestStore): void
  file?(lying: Mutable<StoreFile>, honest: StoreFile, store: HonestStore): void
}

export type Lies = Readonly<Record<string, Lie>>

export const refusal = (operation: string): LogError<'KAFKA_STORAGE_ERROR'> =>
  new LogError('KAFKA_STORAGE_ERROR', `${operation} is refused`, { file: '', operation })

/** Who calls while a call is under way gets the answer of that one, though it began earlier. */
export function sharedWhileUnderWay(call: () => void | Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    if (running !== undefined) return running
    const called = call()
    const turn = new Promise<void>((resolve) => setImmediate(resolve))
    running = Promise.all([called, turn]).then(() => {
      running = undefined
    })
    return running
  }
}
