import type { DirectoryImage } from '../damage/directory-image.ts'

const MAGIC = 0x4f4c4652
const ALIGNMENT = 4096

export interface PlainFrame {
  readonly file: string
  readonly position: number
  readonly sequence: number
}

/** Frames in the journal of an image, by sequence, the newest last. */
export function framesOf(image: DirectoryImage): readonly PlainFrame[] {
  const frames: PlainFrame[] = []
  for (const file of image.paths.filter((path) => path.endsWith('.ring'))) {
    const bytes = Buffer.from(image.files.get(file)?.bytes() ?? [])
    for (let position = 0; position + 64 <= bytes.length; position += ALIGNMENT) {
      if (bytes.readUInt32BE(position) !== MAGIC) continue
      frames.push({ file, position, sequence: Number(bytes.readBigInt64BE(position + 24)) })
    }
  }
  return frames.sort((a, b) => a.sequence - b.sequence)
}

/** All of it becomes zeros: as if nothing had been meant there. */
export function erase(image: DirectoryImage, { file, position }: PlainFrame): void {
  const store = image.open(file, { create: false })
  store?.write(new Uint8Array(ALIGNMENT), position)
}
