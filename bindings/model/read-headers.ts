import type { ChunkedBytes } from './chunked-bytes.ts'

export type ReadHeaders = readonly (readonly [name: string, value: Uint8Array<ArrayBuffer> | null])[]

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Where headers are read from. */
type HeaderBytes = Pick<ChunkedBytes, 'range'>

/**
 * A record's headers, as many as `count` says: the count itself stands at `position`. Every length was checked before,
 * or `range` checks it.
 */
export function readHeaders(bytes: HeaderBytes, position: number, count: number): ReadHeaders {
  const cursor = new VarintCursor(bytes, position)
  cursor.next()
  const headers: (readonly [string, Uint8Array<ArrayBuffer> | null])[] = []
  for (let header = 0; header < count; header++) {
    const nameLength = cursor.next()
    const name = decoder.decode(bytes.range(cursor.position, nameLength))
    cursor.position += nameLength
    const valueLength = cursor.next()
    headers.push([name, valueLength < 0 ? null : bytes.range(cursor.position, valueLength)])
    cursor.position += Math.max(valueLength, 0)
  }
  return headers
}

class VarintCursor {
  readonly #bytes: HeaderBytes
  position: number

  constructor(bytes: HeaderBytes, position: number) {
    this.#bytes = bytes
    this.position = position
  }

  next(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const group = this.#bytes.range(this.position++, 1)[0] as number
      value |= (group & 0x7f) << shift
      if (group < 0x80) return (value >>> 1) ^ -(value & 1)
    }
  }
}
