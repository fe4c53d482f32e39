// Checkpoint files: which of three places counts, what is no checkpoint, and which place a recovery copies to.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ByteWriter } from '../../../bindings/log/bytes/byte-writer.ts'
import {
  CHECKPOINT_DIRECTORY,
  checkpointFile,
  encodeCheckpointFile,
  type FoundCheckpoint,
  placeCopy,
  readCheckpoints,
  removeElderCopies,
  removeFurtherPlaces,
  writeCheckpointFile,
} from '../../../bindings/log/checkpoint/checkpoint-file.ts'
import { writeFacts } from '../../../bindings/log/checkpoint/checkpoint-record.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { MemoryStore } from '../../../bindings/storage/drivers/memory.ts'
import type { FileStore } from '../../../bindings/storage/file-store.ts'
import { failure } from '../../../bindings/testkit/simulation/disk-failure.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

const kernel = newKernel()
const OWN = 1

function checkpoint(sequence: number, nonce: number = OWN): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter()
  const rest = { generation: 1, coveredSequence: sequence, leaderEpoch: 0, producerIdsEnd: 0, partitionCount: 0 }
  writeFacts(writer, { nonce, sequence, ...rest })
  return encodeCheckpointFile(writer.bytes, kernel) as Uint8Array<ArrayBuffer>
}

/** A store with these files in the places of checkpoints; `undefined`: none. */
function places(...files: readonly (Uint8Array | undefined)[]): MemoryStore {
  const store = new MemoryStore()
  files.forEach((bytes, place) => {
    if (bytes !== undefined) runNow(writeCheckpointFile(store, place, bytes))
  })
  return store
}

function read(store: FileStore, torn: string[] = []): readonly FoundCheckpoint[] {
  return runNow(readCheckpoints(store, kernel, OWN, torn))
}

function sequences(store: FileStore): number[] {
  return read(store).map(({ record }) => record.sequence)
}

/** Copies the newest one, as a recovery does; answers to which place. */
function copy(store: MemoryStore): number | undefined {
  const placed = runNow(placeCopy(store, read(store)))
  placed?.file.close()
  return placed?.place
}

/** As `copy`, up to where the recovery has made it durable. */
function copyAndRemove(store: MemoryStore): number | undefined {
  const found = read(store)
  const placed = runNow(placeCopy(store, found))
  placed?.file.close()
  if (placed !== undefined) runNow(removeElderCopies(store, found, placed))
  return placed?.place
}

test('the newest whole checkpoint comes first, in whatever place it is', () => {
  assert.equal(sequences(places(checkpoint(4), checkpoint(5))), [5, 4])
  assert.equal(sequences(places(checkpoint(6), checkpoint(5), checkpoint(4))), [6, 5, 4])
  assert.equal(sequences(places()), [])
})

test('one that was torn at any length is none, and the one before it counts', () => {
  const whole = checkpoint(5)
  for (let length = 1; length < whole.length; length++) {
    const torn: string[] = []
    const store = places(checkpoint(4), whole.subarray(0, length))
    assert.equal(
      read(store, torn).map(({ record }) => record.sequence),
      [4],
    )
    assert.equal(torn, [checkpointFile(1)])
  }
})

test('one with a flipped bit is none, wherever the bit is', () => {
  const whole = checkpoint(5)
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const flipped = whole.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(sequences(places(checkpoint(4), flipped)), [4], `bit ${bit}`)
  }
})

test('a file that a crash left empty is passed over, and tells of no damage', () => {
  const torn: string[] = []
  assert.is(read(places(checkpoint(4), new Uint8Array(0)), torn).length, 1)
  assert.equal(torn, [])
})

test('another log’s checkpoint is none of this one', () => {
  assert.equal(sequences(places(checkpoint(4), checkpoint(9, OWN + 1))), [4])
})

test('a newer oncelog’s checkpoint is refused by its version', () => {
  const newer = checkpoint(5)
  const view = new DataView(newer.buffer)
  const version = view.getUint32(4)
  view.setUint32(4, 99)
  view.setUint32(12, (view.getUint32(12) ^ version ^ 99) >>> 0)
  assert.throws(
    () => read(places(newer)),
    (error: unknown) => LogError.is(error, 'UNSUPPORTED_VERSION'),
  )
})

test('a recovery copies the newest one to a place that holds no whole one', () => {
  const store = places(checkpoint(4), checkpoint(5))
  assert.is(copy(store), 2)
  assert.equal(
    read(store).map(({ place, isCopy }) => [place, isCopy]),
    [
      [1, false],
      [2, true],
      [0, false],
    ],
    'the original comes before its copy',
  )
  assert.is(copy(store), 3, 'the copy may be the only one that was flushed')
  runNow(writeCheckpointFile(store, 0, checkpoint(4).subarray(0, 20)))
  assert.is(copy(store), 0, 'nobody needs what is torn')
})

// Found by the enumerator ("the log needs checkpoint 1, found none"). A process was killed between the write of a
// checkpoint and its flush, and the power failed in two recoveries: the second one wrote over the only record that had
// ever been flushed, the copy of the first. And three recoveries were killed before their flush: the third one wrote
// over the original, as the two copies looked like durable ones.
test('older than the two newest is of no use: the second one was durable before the newest was begun', () => {
  assert.is(copy(places(checkpoint(6), checkpoint(4), checkpoint(5))), 1)
  const store = places(checkpoint(5), checkpoint(6), checkpoint(4))
  assert.is(copy(store), 2)
  assert.is(copy(store), 3)
})

test('no recovery writes over a whole checkpoint, however many died before it', () => {
  const store = places(checkpoint(4))
  assert.equal(
    [1, 2, 3, 4].map(() => copy(store)),
    [1, 2, 3, 4],
  )
  assert.equal(
    read(store).map(({ place, isCopy }) => [place, isCopy]),
    [[0, false], ...[1, 2, 3, 4].map((place) => [place, true])],
  )
})

test('recoveries that are repeated without end leave one copy, as each removes those before its own', () => {
  const store = places(checkpoint(4), checkpoint(5))
  const taken = Array.from({ length: 10 }, () => copyAndRemove(store))
  assert.equal([...new Set(taken)], [2, 3])
  assert.is(read(store).filter(({ isCopy }) => isCopy).length, 1)
})

// Found by the enumerator, crashed four deep ("the log needs checkpoint 2, found none"): the copy was removed with the
// one whose place it had taken.
test('a copy stays that stands where an older one was', () => {
  const store = places(checkpoint(3), checkpoint(4))
  assert.is(copyAndRemove(store), 2)
  runNow(writeCheckpointFile(store, 0, checkpoint(5)))
  runNow(writeCheckpointFile(store, 1, checkpoint(6)))
  assert.is(copyAndRemove(store), 2)
  assert.equal(
    read(store).map(({ place, record, isCopy }) => [place, record.sequence, isCopy]),
    [
      [1, 6, false],
      [2, 6, true],
      [0, 5, false],
    ],
  )
})

test('after a recovery only the places of a running log are left', () => {
  const store = places(checkpoint(4), checkpoint(5), checkpoint(6), checkpoint(6), checkpoint(6))
  runNow(removeFurtherPlaces(store))
  assert.equal(store.list('checkpoint'), ['0', '1', '2'])
})

test('another file in the directory of the checkpoints is none', () => {
  const store = places(checkpoint(4))
  for (const name of ['00', '1e1', '-1', '3.tmp']) store.open(`checkpoint/${name}`, { create: true })
  assert.equal(sequences(store), [4])
})

// A torn write left the first bytes of a record and zeros: a record of no bytes, whose checksum is zero, of version 0.
test('the magic number and zeros after it are no checkpoint of another version', () => {
  const torn = new Uint8Array(100)
  torn.set(checkpoint(5).subarray(0, 4))
  assert.equal(sequences(places(checkpoint(4), torn)), [4])
})

test('a longer checkpoint that was in the place before leaves nothing after a shorter one', () => {
  const store = places(checkpoint(4))
  const longer = new Uint8Array(checkpoint(4).length + 100)
  longer.set(checkpoint(4))
  runNow(writeCheckpointFile(store, 0, longer))
  runNow(writeCheckpointFile(store, 0, checkpoint(5)))
  assert.is(store.open(checkpointFile(0), { create: false })?.size(), checkpoint(5).length)
})

/** A disk whose directory of checkpoints somebody removed; as node-fs it makes it again once the log has said so. */
function withoutDirectory(): VirtualDisk {
  const disk = new VirtualDisk()
  runNow(writeCheckpointFile(disk, 0, checkpoint(4)))
  disk.syncDirectory('')
  for (const path of [checkpointFile(0), CHECKPOINT_DIRECTORY]) disk.remove(path)
  let isVanished = true
  const { open, remove } = disk
  disk.open = (path, options) => {
    if (isVanished && options.create) throw failure('open', path, 'its directory was removed', 'ENOENT')
    return open.call(disk, path, options)
  }
  disk.remove = (path) => {
    isVanished &&= path !== CHECKPOINT_DIRECTORY
    remove.call(disk, path)
  }
  return disk
}

test('a directory that is made again has a durable name once its first checkpoint is written', () => {
  const disk = withoutDirectory()
  runNow(writeCheckpointFile(disk, 1, checkpoint(5)))
  assert.equal(sequences(disk.image(new Random(1), 'none')), [5])
})

test.run()
