// What a backup leaves of an attempt for the next one: files were removed while it copied.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { segmentFileName } from '../../../bindings/log/files/file-names.ts'
import type { BackupPartition, BackupSource } from '../../../bindings/log/store/backup-source.ts'
import { CopiedFiles } from '../../../bindings/log/store/copied-files.ts'
import { copyRange } from '../../../bindings/log/store/copy-file.ts'
import { PartitionMap } from '../../../bindings/log/store/partition-map.ts'
import { SegmentRewrite } from '../../../bindings/log/stored-files/segment-rewrite.ts'
import { StoredFiles } from '../../../bindings/log/stored-files/stored-files.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import type { DirectoryNode } from '../../../bindings/testkit/simulation/disk-nodes.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { append, config, DIRECTORY, newContext, newList } from '../segment/support.ts'
import { runNow } from '../support.ts'

const ID = { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', topic: 'orders', partition: 0 }
const FIRST = segmentFileName(0, 'log')

function directoryOf(disk: VirtualDisk): DirectoryNode {
  return disk.root.visible.get(DIRECTORY) as DirectoryNode
}

function contentOf(disk: VirtualDisk, name: string): Uint8Array {
  const file = disk.open(`${DIRECTORY}/${name}`, { create: false })
  const bytes = new Uint8Array(file?.size() ?? 0)
  file?.read(bytes, 0)
  return bytes
}

interface Attempts {
  readonly disk: VirtualDisk
  readonly copy: VirtualDisk
  readonly copied: CopiedFiles
  readonly moment: (mayLink: boolean) => readonly BackupPartition[]
}

/** Three segments, of which the first two are rewritten at that link. */
function attempts(rewrittenAtLink: number): Attempts {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk))
  for (const baseOffset of [0, 1, 2]) {
    if (baseOffset > 0) runNow(list.roll(baseOffset))
    append(list, { baseOffset })
  }
  const files = new StoredFiles(ID, DIRECTORY, list)
  const partitions = new PartitionMap<StoredFiles>()
  partitions.set(ID, files)
  const source = { store: disk, partitions, assertOpen() {} } as unknown as BackupSource
  const copy = new VirtualDisk()
  let links = 0
  const rewrite = () => {
    const rewriting = runNow(SegmentRewrite.begin(newContext(disk), files, config, list.all.slice(0, 2)))
    rewriting.append(sealedBatch({ baseOffset: 1 }))
    assert.ok(runNow(rewriting.exchange()))
  }
  /** A hard link: both names have the same file. */
  const link = (from: string) => {
    const name = from.slice(from.lastIndexOf('/') + 1)
    const file = directoryOf(disk).visible.get(name)
    directoryOf(copy).change([name, file])
    if (++links === rewrittenAtLink) rewrite()
    return true
  }
  const copied = new CopiedFiles(source, { store: copy, link })
  const moment = (mayLink: boolean): readonly BackupPartition[] => {
    const segments = list.all.map((segment) => ({ segment, sizeBytes: segment.sizeBytes, mayLink }))
    return [{ files, record: new Uint8Array(1), segments }]
  }
  return { disk, copy, copied, moment }
}

test('a segment that is rewritten after it was linked is copied under its name, and not into the file that has two', () => {
  const { disk, copy, copied, moment } = attempts(1)
  const linked = contentOf(disk, FIRST)
  assert.is(runNow(copied.take(moment(true))), undefined, 'what was linked went away meanwhile')
  assert.equal(contentOf(copy, FIRST), linked)
  assert.is(runNow(copied.take(moment(false)))?.length, 1)
  assert.equal(contentOf(copy, FIRST), contentOf(disk, `${FIRST}.swap`))
  assert.equal(contentOf(disk, FIRST), linked, 'the file that it was linked to')
})

test('what a later moment no longer has is gone from the copy before it is a log', async () => {
  const { copy, copied, moment } = attempts(2)
  assert.is(runNow(copied.take(moment(true))), undefined, 'what was linked went away meanwhile')
  const second = segmentFileName(1, 'log')
  assert.ok(copy.list(DIRECTORY).includes(second))
  assert.is(runNow(copied.take(moment(false)))?.length, 1)
  assert.not.ok(copy.list(DIRECTORY).includes(second))
  // As the journal does it that makes a log of the copy.
  await copy.syncDirectory('')
  assert.equal(copy.image(new Random(1), 'none').list(DIRECTORY), copy.list(DIRECTORY), 'after a power loss')
})

test('a file that has become shorter than what was copied of it says where it ends: a RangeError did', () => {
  const disk = new VirtualDisk()
  const [from, to] = [disk.open('t-0/from', { create: true }), disk.open('t-0/to', { create: true })]
  assert.ok(from && to)
  assert.is(runNow(copyRange(from, to, { start: 10, end: 5 }, () => {})), 5)
  assert.is(to.size(), 0)
})

test.run()
