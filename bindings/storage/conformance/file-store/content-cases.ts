import { writeFully } from '../../checked-write.ts'
import { check, failure, same, sameBytes } from '../case.ts'
import { contentOf, make, refused, text } from './contents.ts'
import type { FileStoreCases } from './fixture.ts'

export const contentCases: FileStoreCases = {
  async 'read: short only at the end of the file'({ store }) {
    const file = await make(store, 'file', 'abcdef')
    const memory = text('............')
    const bytes = memory.subarray(2, 10)
    same(file.read(bytes.subarray(0, 4), 0), 4, 'inside')
    same(file.read(bytes, 4), 2, 'over the end')
    sameBytes(memory, text('..efcd......'), 'what was read, and nothing before or after it')
    same(file.read(bytes, 6), 0, 'at the end')
    same(file.read(bytes, 100), 0, 'beyond the end')
    same(file.read(new Uint8Array(0), 0), 0, 'nothing')
    file.close()
  },
  async 'read: whole, however large'({ store }) {
    const file = await make(store, 'file', '')
    const bytes = Uint8Array.from({ length: 3_000_001 }, (_, index) => (index * 31 + (index >> 8)) & 255)
    writeFully(file, bytes, 0)
    const seen = new Uint8Array(bytes.length)
    same(file.read(seen, 0), bytes.length, 'bytes read')
    sameBytes(seen, bytes, 'content')
    const part = new Uint8Array(100_000)
    same(file.read(part, 1_000_003), part.length, 'bytes read in the middle')
    sameBytes(part, bytes.subarray(1_000_003, 1_100_003), 'the middle')
    file.close()
  },
  async 'write: positional, over what is there and beyond'({ store }) {
    const file = await make(store, 'file', 'abcdef')
    writeFully(file, text('XY'), 2)
    writeFully(file, text('ghi'), 5)
    same(file.size(), 8, 'size')
    file.close()
    same(await contentOf(store, 'file'), 'abXYeghi', 'content')
  },
  async 'write: takes the bytes as they are during the call, and leaves them so'({ store }) {
    const file = await make(store, 'file', '')
    const bytes = text('before')
    writeFully(file, bytes.subarray(1, 5), 0)
    sameBytes(bytes, text('before'), 'the bytes after the call')
    bytes.fill(0)
    file.close()
    same(await contentOf(store, 'file'), 'efor', 'content')
  },
  async 'write: past the end extends the file with zeros'({ store }) {
    const file = await make(store, 'file', 'abc')
    writeFully(file, text('z'), 2_500_000)
    same(file.size(), 2_500_001, 'size')
    const gap = new Uint8Array(2_499_997).fill(1)
    same(file.read(gap, 3), gap.length, 'bytes read')
    check(
      gap.every((byte) => byte === 0),
      'zeros between the old end and the write',
    )
    file.close()
  },
  async 'truncate: cuts, and what comes after is zeros again'({ store }) {
    const file = await make(store, 'file', 'abcdef')
    file.truncate(2)
    same(file.size(), 2, 'size')
    writeFully(file, text('x'), 5)
    const bytes = new Uint8Array(6)
    file.read(bytes, 0)
    sameBytes(bytes, text('ab\0\0\0x'), 'content')
    file.truncate(0)
    same(file.size(), 0, 'size at last')
    file.close()
  },
  async 'truncate: extends with zeros'({ store }) {
    const file = await make(store, 'file', 'ab')
    file.truncate(5)
    same(file.size(), 5, 'size')
    file.close()
    same(await contentOf(store, 'file'), 'ab\0\0\0', 'content')
  },
  async 'isShared and assertInPlace, where a driver has them: a file of its own, until it is removed'({ store }) {
    const file = await make(store, 'd/file', 'abc')
    same(file.isShared?.() ?? false, false, 'shared')
    file.assertInPlace?.()
    const { assertInPlace } = file
    if (assertInPlace !== undefined) {
      await store.remove('d/file')
      await failure(() => assertInPlace.call(file), 'a file that was removed', 'KAFKA_STORAGE_ERROR')
      ;(await make(store, 'd/file', 'abc')).close()
      await failure(() => assertInPlace.call(file), 'a file that was replaced', 'KAFKA_STORAGE_ERROR')
    }
    file.close()
  },
  async 'cut, where a driver has it: as truncate, and a file that is closed meanwhile is cut still'({ store }) {
    const file = await make(store, 'file', 'abcdef')
    if (file.cut === undefined) return file.close()
    await file.cut(4)
    same(file.size(), 4, 'size')
    writeFully(file, text('x'), 4)
    const done = file.cut(2)
    file.close()
    await done
    same(await contentOf(store, 'file'), 'ab', 'content')
    await refused(() => file.cut?.(0), 'cut of a closed file', 'truncate')
  },
  async 'flush: of changed, unchanged and empty files, and several at once'({ store }) {
    const file = await make(store, 'file', 'abc')
    await file.flush()
    await file.flush()
    await Promise.all([file.flush(), file.flush()])
    file.close()
    const empty = await make(store, 'empty', '')
    await empty.flush()
    empty.close()
  },
  async 'flush: a file that is closed meanwhile is flushed still'({ store }) {
    const file = await make(store, 'file', 'abc')
    const flushed = file.flush()
    file.close()
    await flushed
    same(await contentOf(store, 'file'), 'abc', 'content')
  },
  async 'writeDurably, where a driver has it: takes the bytes as they are during the call, also of a file that is closed meanwhile'({
    store,
  }) {
    const file = await make(store, 'file', 'abcdef')
    if (file.writeDurably === undefined) return file.close()
    await file.flush()
    const bytes = text('before')
    const written = file.writeDurably(bytes.subarray(1, 5), 2)
    sameBytes(bytes, text('before'), 'the bytes after the call')
    bytes.fill(0)
    await written
    same(await contentOf(store, 'file'), 'abefor', 'content')
    const last = file.writeDurably(text('xyz'), 5)
    file.close()
    await last
    same(await contentOf(store, 'file'), 'abefoxyz', 'content past the end')
    await failure(() => file.writeDurably?.(text('abc'), 0), 'writeDurably of a closed file', 'KAFKA_STORAGE_ERROR')
    same(await contentOf(store, 'file'), 'abefoxyz', 'content once it is closed')
  },
  async 'close: the handle refuses everything after it, and a second close is fine'({ store }) {
    const file = await make(store, 'file', 'abc')
    file.close()
    file.close()
    const other = await make(store, 'other', 'other')
    const bytes = new Uint8Array(3)
    await refused(() => file.read(bytes, 0), 'read of a closed file', 'read')
    await refused(() => file.write(bytes, 0), 'write of a closed file', 'write')
    await refused(() => file.truncate(0), 'truncate of a closed file', 'truncate')
    await refused(() => file.size(), 'size of a closed file', 'size')
    await refused(() => file.flush(), 'flush of a closed file', 'flush')
    other.close()
    same(await contentOf(store, 'other'), 'other', 'the file that was opened next')
  },
}
