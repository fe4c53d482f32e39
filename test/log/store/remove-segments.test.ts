// Segments below the log start: which may go, in which order their files do, and in how small pieces.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { segmentFileName } from '../../../bindings/log/files/file-names.ts'
import type { Segment } from '../../../bindings/log/segment/segment.ts'
import type { SegmentList } from '../../../bindings/log/segment/segment-list.ts'
import { removeBelow } from '../../../bindings/log/store/remove-segments.ts'
import { StoredFiles } from '../../../bindings/log/stored-files/stored-files.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { Effect } from '../../../bindings/storage/effect.ts'
import type { StoreFile } from '../../../bindings/storage/file-store.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { overwrite } from '../segment/model.ts'
import { append, DIRECTORY, newContext, newList, read } from '../segment/support.ts'
import { runNow } from '../support.ts'
import { held } from './plain-writer.ts'

const removes = suite('removing segments')
const ID = { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', topic: 'orders', partition: 0 }

function stored(disk: VirtualDisk) {
  const context = newContext(disk)
  const list = newList(context, { segmentBytes: 200 })
  for (let offset = 0; offset < 8; offset++) append(list, { baseOffset: offset, timestamp: 1000 })
  const files = new StoredFiles(ID, DIRECTORY, list)
  files.notedActiveBase = list.active?.baseOffset ?? 0
  return { context, list, files, base: (index: number) => list.all[index]?.baseOffset ?? 0 }
}

/** How often there was more to do, and what was said in the end. */
function remove(disk: VirtualDisk, files: StoredFiles, offset: number, isInUse = () => false) {
  for (let steps = 0; ; steps++) {
    const removal = runNow(removeBelow({ store: disk, isInUse }, files, offset))
    if (removal !== 'more') return { removal, steps }
  }
}

function bases(list: SegmentList): number[] {
  return list.all.map(({ baseOffset }) => baseOffset)
}

removes('whole segments with all their files, never the active one, and nothing that is not theirs', () => {
  const disk = new VirtualDisk()
  const { list, files, base } = stored(disk)
  overwrite(disk, `${DIRECTORY}/${segmentFileName(0, 'snapshot')}`, new Uint8Array(1))
  overwrite(disk, `${DIRECTORY}/notes`, new Uint8Array(1))
  const second = base(1)
  assert.equal(remove(disk, files, second - 1), { removal: 'done', steps: 0 })
  assert.is(base(0), 0, 'a segment that reaches beyond stays')
  assert.is(remove(disk, files, second).removal, 'done')
  assert.is(base(0), second)
  assert.equal(
    disk.list(DIRECTORY).filter((name) => name.startsWith('00000000000000000000')),
    [],
  )
  assert.is(remove(disk, files, 1e9).removal, 'done')
  assert.is(list.all.length, 1)
  assert.ok(disk.list(DIRECTORY).includes('notes'), 'a foreign file stays')
  assert.ok(read(list, 7, new Uint8Array(500)) > 0)
})

removes('a segment that no checkpoint notes as closed stays, and so does one that is in use', () => {
  const disk = new VirtualDisk()
  const { list, files } = stored(disk)
  const all = bases(list)
  files.notedActiveBase = all[1] ?? 0
  assert.is(remove(disk, files, 1e9, () => true).removal, 'later')
  assert.equal(bases(list), all)
  assert.is(remove(disk, files, 1e9).removal, 'later')
  assert.equal(bases(list), all.slice(1))
  files.notedActiveBase = all[2] ?? 0
  assert.is(remove(disk, files, 1e9).removal, 'later')
  assert.equal(bases(list), all.slice(2), 'one more: it lies before the one that was active')
})

removes('a segment that goes gives back its open file', () => {
  const disk = new VirtualDisk()
  const { context, list, files, base } = stored(disk)
  const first = list.all[0] as Segment
  runNow(list.load(0))
  assert.ok(context.files.has(first.logPath))
  remove(disk, files, base(1))
  assert.not(context.files.has(first.logPath))
})

removes('a read that opens the file of a segment while it goes looks again where the log starts', () => {
  const disk = new VirtualDisk()
  const { context, list, files, base } = stored(disk)
  const first = list.all[0] as Segment
  first.release()
  const goesOn = held(list.load(0), ({ kind }) => kind === 'open')
  remove(disk, files, base(1))
  assert.throws(goesOn, (error: unknown) => LogError.is(error, 'OFFSET_OUT_OF_RANGE'))
  assert.not(context.files.has(first.logPath))
})

removes('a piece of a file is cut beside other work: the event loop is free meanwhile', () => {
  const disk = new VirtualDisk()
  const { files, base } = stored(disk)
  const log = `${DIRECTORY}/${segmentFileName(0, 'log')}`
  overwrite(disk, log, new Uint8Array(1280 * 1024))
  const asked: (readonly [string, string])[] = []
  let cuts = 0
  const cutting = (file: StoreFile) => {
    const cut = (sizeBytes: number) => {
      cuts++
      file.truncate(sizeBytes)
    }
    return Object.assign(file, { cut })
  }
  const open = disk.open.bind(disk)
  disk.open = (path, options) => {
    const file = open(path, options)
    return file && cutting(file)
  }
  const step = removeBelow({ store: disk, isInUse: () => false }, files, base(1))
  for (let next = step.next(); next.done !== true; ) {
    const effect = next.value as Effect
    asked.push([effect.kind, effect.target])
    next = step.next(effect.run())
  }
  assert.equal(asked.at(-1), ['truncate', log])
  assert.is(cuts, 1)
})

removes('a large file goes piece by piece, its batches after what derives from them', () => {
  const disk = new VirtualDisk()
  const { files, base } = stored(disk)
  const log = `${DIRECTORY}/${segmentFileName(0, 'log')}`
  overwrite(disk, log, new Uint8Array(1280 * 1024))
  const done: string[] = []
  disk.watch = (_, kind, path) => {
    done.push(`${kind} ${path.slice(path.lastIndexOf('.') + 1)}`)
  }
  assert.equal(remove(disk, files, base(1)), { removal: 'done', steps: 3 })
  const derived = ['remove index', 'remove timeindex', 'remove txnindex', 'remove snapshot']
  assert.equal(
    done.filter((each) => !each.startsWith('list')),
    [...derived, 'truncate log', 'truncate log', 'remove log'],
  )
})

removes('what an earlier process left of a removal goes with the first step', () => {
  const disk = new VirtualDisk()
  const { list, files, base } = stored(disk)
  const [first, second] = list.all
  const kept = base(2)
  assert.ok(first && second)
  list.dropFirst()
  list.dropFirst()
  assert.is(remove(disk, files, kept).removal, 'done')
  const left = disk.list(DIRECTORY).filter((name) => Number(name.slice(0, 20)) < kept)
  assert.equal(left, [])
})

removes('a segment that goes before its index files were written leaves none', () => {
  const disk = new VirtualDisk()
  const { list, files } = stored(disk)
  const kept = list.active?.baseOffset ?? 0
  remove(disk, files, kept)
  runNow(list.writeGrownIndexes())
  assert.equal(disk.list(DIRECTORY), [segmentFileName(kept, 'log')])
})

removes(
  'leader epochs of batches that are gone go with them: Kafka’s tools take the first one for where the log begins',
  () => {
    const disk = new VirtualDisk()
    const { files, base } = stored(disk)
    files.learnEpoch(0, 0)
    files.learnEpoch(3, 1)
    const second = base(1)
    remove(disk, files, second)
    assert.ok(second > 1)
    assert.equal(files.leaderEpochs, [{ epoch: 3, startOffset: second }])
  },
)

removes.run()
