import type { DirectoryImage } from './directory-image.ts'
import { ImageFile } from './image-file.ts'
import { asNewerVersion } from './newer-version.ts'

/** Something that happens to one file of a log; false where it can't happen to this one. */
export interface Harm {
  readonly name: string
  apply(image: DirectoryImage, path: string, other: DirectoryImage): boolean
}

function replace(image: DirectoryImage, path: string, bytes: Uint8Array): boolean {
  const file = new ImageFile()
  file.write(bytes, 0)
  image.files.set(path, file)
  return true
}

function bytesOf(image: DirectoryImage, path: string): Uint8Array {
  return image.files.get(path)?.bytes() ?? new Uint8Array()
}

/** Of an empty file only the ways to be there or not are left. */
function isEmpty(image: DirectoryImage, path: string): boolean {
  return image.files.get(path)?.sizeBytes === 0
}

export const HARMS: readonly Harm[] = [
  {
    name: 'missing',
    apply: (image, path) => image.files.delete(path),
  },
  {
    name: 'emptied',
    apply: (image, path) => !isEmpty(image, path) && replace(image, path, new Uint8Array()),
  },
  {
    name: 'cut to half',
    apply(image, path) {
      const bytes = bytesOf(image, path)
      return bytes.length > 1 && replace(image, path, bytes.subarray(0, bytes.length >> 1))
    },
  },
  {
    name: 'cut by a byte',
    apply(image, path) {
      const bytes = bytesOf(image, path)
      return bytes.length > 1 && replace(image, path, bytes.subarray(0, -1))
    },
  },
  {
    name: 'zeroed',
    apply(image, path) {
      const bytes = bytesOf(image, path)
      return bytes.some((byte) => byte !== 0) && replace(image, path, new Uint8Array(bytes.length))
    },
  },
  {
    name: 'garbage',
    apply(image, path) {
      const bytes = bytesOf(image, path)
      return (
        bytes.length > 0 &&
        replace(
          image,
          path,
          bytes.map((byte, index) => byte ^ (index * 151 + 7)),
        )
      )
    },
  },
  {
    name: 'grown by garbage',
    apply: (image, path) => replace(image, path, Uint8Array.of(...bytesOf(image, path).subarray(0, 8192), 1, 2, 3)),
  },
  {
    name: 'a text file',
    apply: (image, path) => replace(image, path, new TextEncoder().encode('#!/bin/sh\necho "I am no log"\n'.repeat(9))),
  },
  {
    name: 'a newer version',
    apply(image, path) {
      const newer = asNewerVersion(path, bytesOf(image, path))
      return newer !== undefined && replace(image, path, newer)
    },
  },
  {
    name: "another log's",
    apply(image, path, other) {
      const bytes = bytesOf(other, path)
      return other.files.has(path) && Buffer.compare(bytes, bytesOf(image, path)) !== 0 && replace(image, path, bytes)
    },
  },
]
