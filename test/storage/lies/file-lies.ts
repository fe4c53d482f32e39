import { LogError } from '../../../bindings/model/errors.ts'
import { writeFully } from '../../../bindings/storage/checked-write.ts'
import { type Lies, refusal } from './lie.ts'

/** What an open file may promise and not keep. */
export const FILE_LIES: Lies = {
  'a handle knows the size of its opening and of its own writes': {
    by: 'open: two handles of one file',
    file(lying, honest) {
      let sizeBytes = honest.size()
      const grown = (bytes: Uint8Array, position: number) => {
        sizeBytes = Math.max(sizeBytes, position + bytes.length)
        return honest.write(bytes, position)
      }
      lying.write = grown
      lying.truncate = (size) => {
        honest.truncate(size)
        sizeBytes = size
      }
      lying.size = () => {
        honest.size()
        return sizeBytes
      }
    },
  },
  'truncate cuts and never extends': {
    by: 'truncate: extends with zeros',
    file(lying, honest) {
      lying.truncate = (sizeBytes) => honest.truncate(Math.min(sizeBytes, honest.size()))
    },
  },
  'write answers more than it took': {
    by: 'write: positional',
    file(lying, honest) {
      lying.write = (bytes, position) => {
        honest.write(bytes.subarray(0, bytes.length >> 1), position)
        return bytes.length
      }
    },
  },
  'every file is shared': {
    by: 'isShared and assertInPlace',
    file(lying) {
      lying.isShared = () => true
    },
  },
  'no file is in its place': {
    by: 'isShared and assertInPlace',
    file(lying) {
      lying.assertInPlace = () => {
        throw refusal('open')
      }
    },
  },
  'a file that was removed is in its place': {
    by: 'isShared and assertInPlace',
    file(lying) {
      lying.assertInPlace = () => {}
    },
  },
  'a closed file says nothing of itself': {
    by: 'close: the handle refuses',
    file(lying, honest) {
      lying.truncate = (sizeBytes) => {
        try {
          honest.truncate(sizeBytes)
        } catch {
          throw new LogError('KAFKA_STORAGE_ERROR', 'something failed', {})
        }
      }
    },
  },
  'writeDurably takes the bytes later': {
    by: 'writeDurably, where a driver has it',
    file(lying, honest) {
      lying.writeDurably = async (bytes, position) => {
        await undefined
        writeFully(honest, bytes, position)
        await honest.flush()
      }
    },
  },
  'writeDurably is a flush alone': {
    by: 'writeDurably, where a driver has it',
    file(lying, honest) {
      lying.writeDurably = () => honest.flush()
    },
  },
  'read fills the memory that a view is of from its beginning': {
    by: 'read: short only at the end',
    file(lying, honest) {
      lying.read = (into, position) => honest.read(new Uint8Array(into.buffer, 0, into.length), position)
    },
  },
  'read is short inside the file': {
    by: 'read: whole, however large',
    file(lying, honest) {
      lying.read = (into, position) => honest.read(into.subarray(0, 1 << 20), position)
    },
  },
  'a handle reads what it read before': {
    by: 'open: two handles of one file',
    file(lying, honest) {
      const seen = new Map<number, Uint8Array>()
      lying.read = (into, position) => {
        const count = honest.read(into, position)
        const known = seen.get(position) ?? into.slice(0, count)
        seen.set(position, known)
        into.set(known.subarray(0, count))
        return count
      }
    },
  },
  'write changes the bytes in place': {
    by: 'write: takes the bytes as they are',
    file(lying, honest) {
      lying.write = (bytes, position) => {
        const count = honest.write(bytes, position)
        bytes.fill(0)
        return count
      }
    },
  },
  'writeDurably changes the bytes in place': {
    by: 'writeDurably, where a driver has it',
    file(lying, honest) {
      lying.writeDurably = (bytes, position) => {
        writeFully(honest, bytes, position)
        bytes.fill(0)
        return honest.flush()
      }
    },
  },
}
