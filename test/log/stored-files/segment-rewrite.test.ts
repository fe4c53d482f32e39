// How a rewritten segment takes the place of those that it replaces (docs/decisions/019-compaction.md).
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { learnAborted } from '../../../bindings/log/segment/learn-aborted.ts'
import type { SegmentList } from '../../../bindings/log/segment/segment-list.ts'
import { Compactions } from '../../../bindings/log/store/compactions.ts'
import { finishSwaps, SegmentRewrite } from '../../../bindings/log/stored-files/segment-rewrite.ts'
import { StoredFiles } from '../../../bindings/log/stored-files/stored-files.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import { type Effect, nothing, type Task } from '../../../bindings/storage/effect.ts'
import type { FileStore } from '../../../bindings/storage/file-store.ts'
import type { PartitionSource } from '../../../bindings/storage/partition-source.ts'
import { DiskFaults } from '../../../bindings/testkit/simulation/faults.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { append, config, DIRECTORY, newContext, newList, read } from '../segment/support.ts'
import { held } from '../store/plain-writer.ts'
import { runNow } from '../support.ts'

const ID = { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', topic: 'orders', partition: 0 }
const [FIRST, SECOND, ACTIVE] = ['00000000000000000000', '00000000000000000001', '00000000000000000002']

/** Two closed segments and the active one, a batch each; a rewrite leaves the second batch of the two. */
function begun(store: FileStore = new DirectoryImage(), secondTime = 1000) {
  const context = newContext(store)
  const list = newList(context)
  for (const baseOffset of [0, 1, 2]) {
    if (baseOffset > 0) runNow(list.roll(baseOffset))
    append(list, { baseOffset, timestamp: baseOffset === 1 ? secondTime : 1000 })
  }
  const files = new StoredFiles(ID, DIRECTORY, list)
  const rewrite = runNow(SegmentRewrite.begin(context, files, config, list.all.slice(0, 2)))
  rewrite.append(sealedBatch({ baseOffset: 1, timestamp: secondTime }))
  const names = () => [...(store.list(DIRECTORY) as readonly string[])].filter((name) => name.includes('.log'))
  return { context, list, files, rewrite, names }
}

const BEFORE = [`${FIRST}.log`, `${SECOND}.log`, `${ACTIVE}.log`]

test('while a rewrite is being written readers have the old segments', () => {
  const { list, names } = begun()
  assert.equal(names().sort(), [...BEFORE, `${FIRST}.log.cleaned`].sort())
  assert.equal(
    list.all.map(({ baseOffset }) => baseOffset),
    [0, 1, 2],
  )
})

test('once exchanged, it is read under a name of its own, and the old files stay until a checkpoint notes it', () => {
  const { context, files, list, rewrite, names } = begun()
  assert.is(runNow(rewrite.exchange()), true)
  assert.equal(
    list.all.map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset]),
    [
      [0, 2],
      [2, 3],
    ],
  )
  runNow(finishSwaps(context, files))
  assert.equal(names().sort(), [...BEFORE, `${FIRST}.log.swap`].sort())
})

test('once exchanged, the next checkpoint has to sync its name', () => {
  const { files, rewrite } = begun()
  assert.is(files.isDirectoryUnsynced, false)
  runNow(rewrite.exchange())
  assert.is(files.isDirectoryUnsynced, true)
})

test('once a checkpoint notes it, it takes its name, and the old files go', () => {
  const { context, files, rewrite, names } = begun()
  runNow(rewrite.exchange())
  for (const swap of files.swaps) swap.isNoted = true
  runNow(finishSwaps(context, files))
  assert.equal(names().sort(), [`${FIRST}.log`, `${ACTIVE}.log`])
  assert.equal(files.swaps, [])
})

test('transactions that were aborted in the old files are not told of the new one, whose batches of them are gone', () => {
  const store = new DirectoryImage()
  const { context, files, rewrite } = begun(store)
  for (const base of [FIRST, SECOND]) store.open(`${DIRECTORY}/${base}.txnindex`, { create: true })
  runNow(rewrite.exchange())
  for (const swap of files.swaps) swap.isNoted = true
  runNow(finishSwaps(context, files))
  const left = [...(store.list(DIRECTORY) as readonly string[])].filter((name) => name.endsWith('.txnindex'))
  assert.equal(left, [])
})

test('its final name is durable, since after a clean close nobody would look for another', () => {
  const disk = new VirtualDisk()
  const { context, files, rewrite } = begun(disk)
  disk.syncDirectory('')
  runNow(rewrite.exchange())
  for (const swap of files.swaps) swap.isNoted = true
  runNow(finishSwaps(context, files))
  for (const base of [FIRST, SECOND]) assert.ok(disk.isEntryDurable(`${DIRECTORY}/${base}.log`))
})

test('old segments that are being read keep their files until the next time', () => {
  const { context, files, list, rewrite, names } = begun()
  const read = list.all[1]?.logPath ?? ''
  const file = runNow(context.files.reopen(read))
  context.files.pin(read)
  runNow(rewrite.exchange())
  for (const swap of files.swaps) swap.isNoted = true
  runNow(finishSwaps(context, files))
  assert.ok(names().includes(`${SECOND}.log`))
  context.files.unpin(file)
  runNow(finishSwaps(context, files))
  assert.equal(names().sort(), [`${FIRST}.log`, `${ACTIVE}.log`])
})

test('a close waits for none that reads them, and leaves no swap to a recovery', () => {
  const { context, files, list, names } = begun()
  runNow(files.rewrite?.abandon() ?? nothing())
  const compactions = new Compactions(context, { segmentConfig: () => config } as unknown as PartitionSource)
  files.checkpointedOffset = 2
  const rewrite = runNow(compactions.rewrite(files, 0, 2))
  rewrite.append(sealedBatch({ baseOffset: 1 }))
  const read = list.all[1]?.logPath ?? ''
  runNow(context.files.open(read, { create: false }))
  context.files.pin(read)
  runNow(rewrite.exchange())
  for (const swap of files.swaps) swap.isNoted = true
  runNow(compactions.close())
  assert.equal(names().sort(), [`${FIRST}.log`, `${ACTIVE}.log`])
  assert.not.ok(compactions.areWaiting)
})

/** What has to be open to be read by offset, or to be looked through by time. */
const LOOKS = {
  offset: (list: SegmentList) => list.load(1),
  *time(list: SegmentList): Task<void> {
    assert.is(yield* list.seekTimestamp(1001), 0)
  },
  *markers(list: SegmentList): Task<void> {
    yield* list.loadAborted(0, 3)
    assert.equal(list.abortedBetween(0, 3), [])
  },
}

for (const [by, look] of Object.entries(LOOKS)) {
  test(`who is about to open a segment that is replaced, by ${by}, finds the new one`, () => {
    const store = new DirectoryImage()
    const { context, files, list, rewrite } = begun(store, 1001)
    list.recordAborted({ producerId: 1, firstOffset: 0, lastOffset: 2, lastStableOffset: 3 })
    runNow(list.writeIndexes())
    store.remove(`${DIRECTORY}/${ACTIVE}.txnindex`)
    for (const { logPath } of list.all) context.files.close(logPath)
    const goOn = held(look(list), ({ kind, target }) => kind === 'open' && target.endsWith(`${SECOND}.log`))
    runNow(rewrite.exchange())
    for (const swap of files.swaps) swap.isNoted = true
    runNow(finishSwaps(context, files))
    goOn()
  })
}

test('a rewrite that is abandoned leaves nothing', () => {
  const { rewrite, names } = begun()
  runNow(rewrite.abandon())
  assert.equal(names().sort(), BEFORE)
})

test('a rewrite that finds no room for its name is abandoned with all that it holds', () => {
  const disk = new VirtualDisk()
  const { context, rewrite, names } = begun(disk)
  disk.faults = new DiskFaults([{ kind: 'rename', effect: 'full', at: 1, path: '.cleaned' }])
  assert.throws(() => runNow(rewrite.exchange()), /no space/)
  runNow(rewrite.abandon())
  assert.equal(names().sort(), BEFORE)
  assert.not.ok(context.files.has(`${DIRECTORY}/${FIRST}.log.cleaned`), 'it is still open')
})

test('a rewrite whose segments went meanwhile is dropped', () => {
  const { list, rewrite, names } = begun()
  list.dropFirst()
  assert.is(runNow(rewrite.exchange()), false)
  assert.equal(names().sort(), BEFORE)
})

/** A store in whose removals of that file something else has its turn. */
class Busy extends DirectoryImage {
  during: (() => void) | undefined

  override remove(path: string): void {
    super.remove(path)
    if (path.endsWith('.txnindex')) this.during?.()
  }
}

test('it is read while it gets its place, and the next one that is rewritten there is read from its own file', () => {
  const store = new Busy()
  const { context, files, list, rewrite } = begun(store)
  runNow(rewrite.exchange())
  for (const swap of files.swaps) swap.isNoted = true
  const bytesOf = () => {
    const into = new Uint8Array(sealedBatch({ baseOffset: 1 }).bytes.length)
    return into.slice(0, read(list, 0, into))
  }
  store.during = () => assert.equal(bytesOf(), sealedBatch({ baseOffset: 1 }).bytes)
  runNow(finishSwaps(context, files))
  store.during = undefined
  const again = runNow(SegmentRewrite.begin(context, files, config, list.all.slice(0, 1)))
  const kept = sealedBatch({ baseOffset: 1, valueBytes: 3 })
  again.append(kept)
  assert.is(runNow(again.exchange()), true)
  assert.equal(bytesOf(), kept.bytes)
})

/** A rewritten segment that a checkpoint notes, and that has more entries than an index keeps without its file. */
function noted(store: FileStore) {
  const context = newContext(store)
  const list = newList(context, { segmentBytes: 1 << 20 })
  const all = Array.from({ length: 100 }, (_, baseOffset) => baseOffset)
  for (const baseOffset of all) append(list, { baseOffset })
  runNow(list.roll(100))
  const files = new StoredFiles(ID, DIRECTORY, list)
  const sources = list.all.slice(0, 1)
  const rewrite = runNow(SegmentRewrite.begin(context, files, { ...config, indexIntervalBytes: 0 }, sources))
  for (const baseOffset of all) rewrite.append(sealedBatch({ baseOffset }))
  runNow(rewrite.exchange())
  runNow(list.writeIndexes())
  for (const swap of files.swaps) swap.isNoted = true
  return { context, list, files, first: list.all[0]?.logPath ?? '' }
}

for (const kind of ['open', 'read'] as const) {
  test(`who is about to ${kind} it while it gets its place finds it there`, () => {
    const store = new Busy()
    const { context, list, files } = noted(store)
    let goOn = () => {}
    store.during = () => {
      goOn = held(list.load(0), (effect) => effect.kind === kind)
    }
    runNow(finishSwaps(context, files))
    assert.equal(files.swaps, [])
    goOn()
    const wanted = sealedBatch({ baseOffset: 0 }).bytes
    const into = new Uint8Array(wanted.length)
    assert.is(read(list, 0, into), into.length)
    assert.equal(into, wanted)
  })
}

for (const who of ['a load', 'a look for the markers'] as const) {
  test(`${who} that gets it opened once it has its place leaves nothing open under the first name`, async () => {
    const busy = new Busy()
    const store: FileStore = busy
    const { context, list, files, first } = noted(store)
    const looking = who === 'a load' ? list.load(0) : learnAborted(context, list.all)
    let opened: unknown
    busy.during = () => {
      const open = store.open.bind(store)
      store.open = async (...given) => open(...given)
      const { value } = looking.next() as { value: Effect }
      opened = value.run()
      store.open = open
    }
    runNow(finishSwaps(context, files))
    looking.next(await opened)
    assert.not.ok(context.files.has(first))
  })
}

for (const kind of ['open', 'read'] as const) {
  test(`a look for the markers that is about to ${kind} it while it gets its place goes on there`, () => {
    const store = new Busy()
    const { context, list, files } = noted(store)
    let goOn = () => {}
    store.during = () => {
      goOn = held(learnAborted(context, list.all), (effect) => effect.kind === kind)
    }
    runNow(finishSwaps(context, files))
    goOn()
    for (const { logPath } of list.all) assert.not.ok(context.files.isPinned(logPath), logPath)
    assert.equal(list.abortedBetween(0, 101), [])
  })
}

test.run()
