import { writeFully } from '../../../bindings/storage/checked-write.ts'
import { type Lies, sharedWhileUnderWay } from './lie.ts'

/** Promises that only a power failure shows to be broken. */
export const POWER_LIES: Lies = {
  'flush does nothing': {
    by: 'flush and syncDirectory:',
    file(lying) {
      lying.flush = () => {}
    },
  },
  'flush is of what its own handle wrote': {
    by: 'flush: what another handle wrote',
    file(lying, honest) {
      let hasWritten = false
      lying.write = (bytes, position) => {
        hasWritten = true
        return honest.write(bytes, position)
      }
      lying.flush = () => (hasWritten ? honest.flush() : undefined)
    },
  },
  'flush leaves out a smaller size': {
    by: 'flush: a size that truncate or cut changed',
    file(lying, honest) {
      let isCut = false
      lying.truncate = (sizeBytes) => {
        isCut = sizeBytes < honest.size()
        honest.truncate(sizeBytes)
      }
      lying.flush = () => (isCut ? undefined : honest.flush())
    },
  },
  'writeDurably is a write alone': {
    by: 'writeDurably: what it wrote survives',
    file(lying, honest) {
      lying.writeDurably = (bytes, position) => writeFully(honest, bytes, position)
    },
  },
  'syncDirectory does nothing': {
    by: 'flush and syncDirectory:',
    store(lying) {
      lying.syncDirectory = () => {}
    },
  },
  'syncDirectory is of the root alone': {
    by: 'flush and syncDirectory:',
    store(lying, honest) {
      lying.syncDirectory = (directory) => (directory === '' ? honest.syncDirectory('') : undefined)
    },
  },
  'flush is of files whose size changed': {
    by: 'flush: all that was written over',
    file(lying, honest) {
      let sizeBytes = 0
      lying.flush = () => {
        const hasChanged = honest.size() !== sizeBytes
        sizeBytes = honest.size()
        return hasChanged ? honest.flush() : undefined
      }
    },
  },
  'flush leaves out a greater size': {
    by: 'flush: a size that truncate or cut changed',
    file(lying, honest) {
      let hasGrown = false
      lying.truncate = (sizeBytes) => {
        hasGrown = sizeBytes > honest.size()
        honest.truncate(sizeBytes)
      }
      lying.flush = () => (hasGrown ? undefined : honest.flush())
    },
  },
  'flush leaves out a cut': {
    by: 'flush: a size that truncate or cut changed',
    file(lying, honest) {
      let isCut = false
      lying.cut = (sizeBytes) => {
        isCut = true
        honest.truncate(sizeBytes)
      }
      lying.flush = () => (isCut ? undefined : honest.flush())
    },
  },
  'flush is that of an earlier call which is still under way': {
    by: 'flush: covers what was written before the call',
    file(lying, honest) {
      lying.flush = sharedWhileUnderWay(() => honest.flush())
    },
  },
  'syncDirectory is that of an earlier call which is still under way': {
    by: 'syncDirectory: covers what was made before the call',
    store(lying, honest) {
      const sync = sharedWhileUnderWay(() => honest.syncDirectory('d'))
      lying.syncDirectory = (directory) => (directory === 'd' ? sync() : honest.syncDirectory(directory))
    },
  },
  'syncDirectory leaves out a directory that was renamed': {
    by: 'syncDirectory: directories that were renamed',
    store(lying, honest) {
      let hasMoved = false
      lying.rename = (from, to) => {
        hasMoved = true
        honest.rename(from, to)
      }
      lying.syncDirectory = (directory) => (hasMoved ? undefined : honest.syncDirectory(directory))
    },
  },
  'rename makes it durable that the old file is gone, and leaves the new one to the sync': {
    by: 'rename: a power failure before the sync',
    store(lying, honest) {
      lying.rename = (from, to) => {
        honest.remove(to)
        honest.syncDirectory('d')
        honest.rename(from, to)
      }
    },
  },
}
