import type { StoreFile } from '../../../storage/file-store.ts'
import type { Row } from '../output.ts'

export function bytesOf(file: StoreFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(file.size())
  return bytes.subarray(0, file.read(bytes, 0))
}

/** Rows of a file whose entries all have one width; bytes left over at the end are a row, too. */
export function* entriesOf(file: StoreFile, width: number, read: (view: DataView, at: number) => Row): Generator<Row> {
  const bytes = bytesOf(file)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  for (; at + width <= bytes.length; at += width) yield { at, ...read(view, at) }
  if (at < bytes.length) yield { at, fault: `${bytes.length - at} bytes are no entry` }
}
