import type { Random } from '../../bindings/testkit/simulation/random.ts'
import type { DirectoryImage } from '../damage/directory-image.ts'
import { ImageFile } from '../damage/image-file.ts'

/** What happened to a file, from one byte to before another. */
export interface Hurt {
  readonly what: string
  readonly file: string
  readonly from: number
  readonly to: number
}

type Way = (
  bytes: Uint8Array,
  random: Random,
) => { readonly bytes: Uint8Array | undefined; readonly from: number; readonly to: number }

const WAYS: Readonly<Record<string, Way>> = {
  'a flipped bit'(bytes, random) {
    const at = random.below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
    return { bytes, from: at, to: at + 1 }
  },
  'some bytes of chance'(bytes, random) {
    const from = random.below(bytes.length)
    const to = Math.min(bytes.length, from + 1 + random.below(40))
    random.fill(bytes.subarray(from, to))
    return { bytes, from, to }
  },
  'a sector of zeros'(bytes, random) {
    const from = random.below(Math.ceil(bytes.length / 512)) * 512
    const to = Math.min(bytes.length, from + 512)
    bytes.fill(0, from, to)
    return { bytes, from, to }
  },
  cut(bytes, random) {
    const from = random.below(bytes.length)
    return { bytes: bytes.slice(0, from), from, to: bytes.length }
  },
  missing(bytes) {
    return { bytes: undefined, from: 0, to: bytes.length }
  },
}

/** Batches are hurt more often than what derives from them. */
export function hurtAt(image: DirectoryImage, random: Random): Hurt {
  const isOfBatches = random.below(10) < 8
  const files = image.paths.filter((path) => {
    const isIn = /^(plain|packed|moves|late|keyed|__consumer_offsets|__transaction_state)-/.test(path)
    const isBatches = path.endsWith('.log')
    return (
      isIn && isBatches === isOfBatches && !path.endsWith('.metadata') && (image.files.get(path)?.sizeBytes ?? 0) > 0
    )
  })
  const file = files[random.below(files.length)] ?? ''
  const names = Object.keys(WAYS)
  const name = names[random.below(names.length)] ?? ''
  const before = image.files.get(file)?.bytes() ?? new Uint8Array()
  const after = WAYS[name]?.(before.slice(), random)
  if (after?.bytes === undefined) image.files.delete(file)
  else {
    const harmed = new ImageFile()
    harmed.write(after.bytes, 0)
    image.files.set(file, harmed)
  }
  return { what: `${name} in ${file} from ${after?.from}`, file, from: after?.from ?? 0, to: after?.to ?? 0 }
}
