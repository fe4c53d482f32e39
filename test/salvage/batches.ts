import type { DirectoryImage } from '../damage/directory-image.ts'

/** A batch of a `.log` file, read by nothing but its lengths: for files that are whole. */
export interface PlainBatch {
  readonly file: string
  readonly position: number
  readonly end: number
  readonly baseOffset: number
  readonly nextOffset: number
  readonly producerId: number
  readonly isTransactional: boolean
  readonly marker: 'commit' | 'abort' | undefined
  readonly bytes: Buffer
}

/** By partition directory, in offset order. */
export function batchesOf(image: DirectoryImage): ReadonlyMap<string, readonly PlainBatch[]> {
  const found = new Map<string, PlainBatch[]>()
  for (const file of image.paths) {
    const [directory = '', name = ''] = file.split('/')
    if (!/^\d{20}\.log$/.test(name)) continue
    const batches = found.get(directory) ?? []
    found.set(directory, batches)
    const bytes = Buffer.from(image.files.get(file)?.bytes() ?? [])
    for (let position = 0; position + 61 <= bytes.length; ) {
      const batch = plainBatch(file, bytes, position)
      batches.push(batch)
      position = batch.end
    }
  }
  return found
}

function plainBatch(file: string, all: Buffer, position: number): PlainBatch {
  const end = position + 12 + all.readInt32BE(position + 8)
  const bytes = all.subarray(position, end)
  const baseOffset = Number(bytes.readBigInt64BE(0))
  const attributes = bytes.readInt16BE(21)
  const isControl = (attributes & 0x20) !== 0
  // The key of a control record: version, type. Its own fields before take a byte each.
  const type = isControl ? bytes.readInt16BE(68) : -1
  return {
    file,
    position,
    end,
    baseOffset,
    nextOffset: baseOffset + bytes.readInt32BE(23) + 1,
    producerId: Number(bytes.readBigInt64BE(43)),
    isTransactional: (attributes & 0x10) !== 0,
    marker: type === 1 ? 'commit' : type === 0 ? 'abort' : undefined,
    bytes,
  }
}
