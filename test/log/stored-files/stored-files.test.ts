// What is still to be made durable of one partition's files while the log is open: by frames, by checkpoints, and in
// their directory.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { chainHeader, NO_BATCHES, UNCHECKED_BYTES } from '../../../bindings/log/segment/header-checksum.ts'
import { StoredFiles } from '../../../bindings/log/stored-files/stored-files.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { DIRECTORY, newContext, newList } from '../segment/support.ts'
import { runNow } from '../support.ts'

const ID = { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', topic: 'orders', partition: 0 }

class Bench {
  readonly store = new DirectoryImage()
  readonly kernel
  readonly files: StoredFiles

  constructor() {
    const context = newContext(this.store)
    this.kernel = context.kernel
    this.files = new StoredFiles(ID, DIRECTORY, newList(context))
  }

  /** Appends a batch of one record as the store does; answers its first bytes. */
  append(): Uint8Array {
    const { files } = this
    const batch = sealedBatch({ baseOffset: files.nextOffset })
    const head = { ...batch, bytes: batch.bytes.slice(0, UNCHECKED_BYTES) }
    files.appended(head, files.segments.place(batch), batch.bytes.length, this.kernel)
    return head.bytes
  }

  roll(): void {
    runNow(this.files.roll(this.kernel, []))
  }

  /** Offsets [from, to) of each run that a frame must cover. */
  get pending(): readonly (readonly [number, number])[] {
    return this.files.pending.take().map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset])
  }
}

test('neighbouring batches are one run of a frame, and those of the next segment another', () => {
  const bench = new Bench()
  bench.append()
  bench.append()
  bench.roll()
  bench.append()
  assert.equal(bench.pending, [
    [0, 2],
    [2, 3],
  ])
})

test('a batch after a decision at the beginning of a segment is no neighbour of the segment before', () => {
  const bench = new Bench()
  bench.append()
  bench.roll()
  const decision = sealedBatch({ baseOffset: bench.files.nextOffset })
  bench.files.segments.place(decision)
  bench.files.placed(decision)
  bench.append()
  assert.equal(bench.pending, [
    [0, 1],
    [2, 3],
  ])
})

test('a run carries the checksum of its batches’ heads, by which a recovery proves it', () => {
  const bench = new Bench()
  const expected = [bench.append(), bench.append()].reduce(
    (sum, head) => chainHeader(bench.kernel, sum, head),
    NO_BATCHES,
  )
  assert.equal(
    bench.files.pending.take().map(({ headerChecksum }) => headerChecksum),
    [expected],
  )
})

test('a commit takes the runs over: the next frame has only what came since', () => {
  const bench = new Bench()
  bench.append()
  assert.equal(bench.pending, [[0, 1]])
  bench.append()
  assert.equal(bench.pending, [[1, 2]])
})

test('what a durable checkpoint notes needs no frame any more, but what came beside it does', () => {
  const bench = new Bench()
  bench.append()
  bench.files.pending.noted()
  bench.append()
  bench.append()
  bench.files.checkpointed(1)
  assert.equal(bench.pending, [[1, 3]])
})

test('the next checkpoint syncs every segment that was written to since the last one', () => {
  const bench = new Bench()
  const { files } = bench
  assert.is(files.unsynced.size, 0)
  bench.append()
  bench.roll()
  bench.append()
  assert.equal([...files.unsynced], files.segments.all)
})

test('a segment that only reads as durable is synced once another one follows it', () => {
  const bench = new Bench()
  const { files } = bench
  const { active } = files.segments
  files.unproven = active
  assert.is(files.unsynced.size, 0)
  bench.roll()
  assert.equal([...files.unsynced], [active])
  assert.is(files.unproven, undefined)
})

test('an entry of the directory that comes while the directory is synced is not synced', () => {
  const { files, store } = new Bench()
  files.directoryChanged()
  const syncing = files.syncDirectory(store)
  syncing.next()
  files.directoryChanged()
  syncing.next()
  assert.is(files.isDirectoryUnsynced, true)
  runNow(files.syncDirectory(store))
  assert.is(files.isDirectoryUnsynced, false)
})

test('the name of a segment that a roll begins is still to be made durable', () => {
  const bench = new Bench()
  bench.append()
  runNow(bench.files.syncDirectory(bench.store))
  bench.roll()
  assert.is(bench.files.isDirectoryUnsynced, true)
})

test('of the producer snapshots that aren’t written yet the newest two stay', () => {
  const bench = new Bench()
  for (let roll = 0; roll < 3; roll++) {
    bench.append()
    bench.roll()
  }
  const pending = bench.files.snapshots.upTo(Number.POSITIVE_INFINITY)
  assert.equal(
    pending.map(([offset]) => offset),
    [2, 3],
  )
})

test('damage makes the partition read-only, and the first place of it stays', () => {
  const { files } = new Bench()
  const damage = (position: number) => ({ file: `${DIRECTORY}/0.log`, position, offset: 0, code: 'bad-crc' })
  files.damaged(damage(61))
  files.damaged(damage(122))
  assert.is(files.readOnly, true)
  assert.is(files.damageReport?.position, 61)
})

test.run()
