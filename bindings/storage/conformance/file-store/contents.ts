import type { LogError } from '../../../model/errors.ts'
import { writeFully } from '../../checked-write.ts'
import type { FileStore, StoreFile } from '../../file-store.ts'
import { check, failure, same } from '../case.ts'

export const text = (letters: string): Uint8Array => new TextEncoder().encode(letters)

export async function make(store: FileStore, path: string, content: string): Promise<StoreFile> {
  const file = await store.open(path, { create: true })
  check(file !== undefined, `${path} to be created`)
  writeFully(file, text(content), 0)
  return file
}

export async function contentOf(store: FileStore, path: string): Promise<string | undefined> {
  const file = await store.open(path, { create: false })
  if (file === undefined) return undefined
  const bytes = new Uint8Array(file.size())
  same(file.read(bytes, 0), bytes.length, `bytes read of ${path}`)
  file.close()
  return new TextDecoder().decode(bytes)
}

/** KAFKA_STORAGE_ERROR, which says of what and in which operation. */
export async function refused(act: () => unknown, what: string, operation: string): Promise<LogError> {
  const error = await failure(act, what, 'KAFKA_STORAGE_ERROR')
  same(error.details['operation'], operation, `operation in the details of ${what}`)
  same(typeof error.details['file'], 'string', `the file in the details of ${what}`)
  return error
}
