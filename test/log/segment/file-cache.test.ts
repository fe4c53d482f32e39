import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FileCache } from '../../../bindings/log/segment/file-cache.ts'
import { SegmentList } from '../../../bindings/log/segment/segment-list.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { Effect } from '../../../bindings/storage/effect.ts'
import type { FileStore, StoreFile } from '../../../bindings/storage/file-store.ts'
import { runTask } from '../../../bindings/storage/run-task.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'
import { append, config, newContext, newList, read } from './support.ts'

/** Counts what is open, and answers later where asked to. */
function counting(later = false): { store: FileStore; opened: string[]; open: Set<string>; most: () => number } {
  const disk = new VirtualDisk()
  const opened: string[] = []
  const open = new Set<string>()
  let most = 0
  const store: FileStore = Object.assign(Object.create(disk) as FileStore, {
    open(path: string, options: { readonly create: boolean }) {
      const file = disk.open(path, options)
      if (file === undefined) return undefined
      opened.push(path)
      open.add(path)
      most = Math.max(most, open.size)
      const watched: StoreFile = {
        path,
        read: (into, position) => file.read(into, position),
        write: (bytes, position) => file.write(bytes, position),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        size: () => file.size(),
        flush: () => file.flush(),
        close() {
          open.delete(path)
          file.close()
        },
      }
      return later ? Promise.resolve(watched) : watched
    },
  })
  return { store, opened, open, most: () => most }
}

const create = { create: true }
const isClosed = (error: unknown) => LogError.is(error, 'LOG_CLOSED')

test('the file unused for longest is closed for the next', () => {
  const { store, open } = counting()
  const cache = new FileCache(store, 3)
  for (const path of ['a', 'b', 'c']) runNow(cache.open(path, create))
  assert.ok(cache.get('a'))
  runNow(cache.open('d', create))
  assert.equal([...open].sort(), ['a', 'c', 'd'])
  assert.is(cache.get('b'), undefined)
})

test('a pinned file stays, and goes once it is unpinned', () => {
  const { store, open } = counting()
  const cache = new FileCache(store, 1)
  runNow(cache.open('a', create))
  const a = cache.get('a') as StoreFile
  cache.pin('a')
  cache.pin('a')
  runNow(cache.open('b', create))
  cache.unpin(a)
  assert.ok(open.has('a'), 'pinned once more')
  runNow(cache.open('c', create))
  assert.ok(open.has('a'))
  cache.unpin(a)
  assert.is(open.size, 1)
})

test('who unpins a file that was closed meanwhile unpins no other one that has its name by now', () => {
  const { store, open } = counting()
  const cache = new FileCache(store, 1)
  const before = runNow(cache.open('a', create)) as StoreFile
  cache.pin('a')
  cache.close('a')
  runNow(cache.open('a', create))
  cache.pin('a')
  cache.unpin(before)
  runNow(cache.open('b', create))
  assert.ok(open.has('a'))
})

test('a file whose open takes until all are closed is closed too, and none is opened any more', async () => {
  for (const isAsked of [true, false]) {
    const { store, open, opened } = counting(true)
    const cache = new FileCache(store, 2)
    const task = cache.open('a', create)
    const step = task.next()
    assert.ok(step.done !== true && 'run' in step.value)
    const answer = isAsked ? step.value.run() : undefined
    cache.closeAll()
    const ended = (async () => task.next(await (answer ?? (step.value as Effect).run())))()
    const next = await ended.catch((error: unknown) => error)
    if (isAsked) assert.throws(() => ((next as typeof step).value as Effect).run(), isClosed)
    else assert.ok(isClosed(next))
    assert.is(open.size, 0)
    assert.is(opened.length, isAsked ? 1 : 0)
  }
})

test('a task gets an open file, whatever closed it before its turn came', async () => {
  const { store, open } = counting(true)
  const cache = new FileCache(store, 1)
  await Promise.all(['a', 'b'].map((path) => runTask(cache.open(path, create))))
  await runTask(cache.open('c', create))
  const task = cache.open('a', { create: false })
  const step = task.next()
  assert.ok(step.done !== true && 'run' in step.value)
  const file = await step.value.run()
  await runTask(cache.open('b', { create: false }))
  assert.not.ok(open.has('a'), 'it had to go for the other one')
  const again = task.next(file)
  assert.ok(again.done !== true && 'run' in again.value)
  const { done, value } = task.next(await again.value.run())
  assert.ok(done && value === cache.get('a'))
  assert.ok(open.has('a'))
})

test('two tasks that open one path get one file', async () => {
  const { store, opened } = counting(true)
  const cache = new FileCache(store, 4)
  const [one, two] = await Promise.all([runTask(cache.open('a', create)), runTask(cache.open('a', create))])
  assert.is(one, two)
  assert.equal(opened, ['a'])
})

test('what was opened at one moment beyond the limit goes with the next open', async () => {
  const { store, open } = counting(true)
  const cache = new FileCache(store, 5)
  await Promise.all(Array.from({ length: 20 }, (_, index) => runTask(cache.open(`f${index}`, create))))
  await runTask(cache.open('next', create))
  assert.is(open.size, 5)
})

test('who opens a file whose name another one gets meanwhile has that one', async () => {
  const disk = new VirtualDisk()
  for (const [path, sizeBytes] of [
    ['a', 1],
    ['b', 2],
  ] as const)
    disk.open(path, create)?.write(new Uint8Array(sizeBytes), 0)
  let goOn = (): void => {}
  const slow = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const closed: number[] = []
  const store: FileStore = Object.assign(Object.create(disk) as FileStore, {
    async open(path: string, options: { readonly create: boolean }) {
      const file = disk.open(path, options) as StoreFile
      const sizeBytes = file.size()
      file.close = () => closed.push(sizeBytes)
      if (sizeBytes === 1) await slow
      return file
    },
  })
  const cache = new FileCache(store, 4)
  const opening = runTask(cache.open('a', { create: false }))
  cache.close('a')
  disk.rename('b', 'a')
  goOn()
  const file = await opening
  assert.is(file?.size(), 2)
  assert.is(cache.get('a'), file)
  assert.equal(closed, [1])
})

test('a failed open leaves nothing behind, the next one tries again', async () => {
  const disk = new VirtualDisk()
  let failures = 1
  const store: FileStore = Object.assign(Object.create(disk) as FileStore, {
    async open(path: string, options: { readonly create: boolean }) {
      if (failures-- > 0) throw new LogError('KAFKA_STORAGE_ERROR', 'no', {})
      return disk.open(path, options)
    },
  })
  const cache = new FileCache(store, 4)
  const failed = await runTask(cache.open('a', create)).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(LogError.is(failed, 'KAFKA_STORAGE_ERROR'))
  assert.ok(await runTask(cache.open('a', create)))
})

test('a missing file is undefined, and damage where it must be there', () => {
  const cache = new FileCache(new VirtualDisk(), 4)
  assert.is(runNow(cache.open('a', { create: false })), undefined)
  try {
    runNow(cache.reopen('a'))
    assert.unreachable()
  } catch (error) {
    assert.ok(LogError.is(error, 'CORRUPT_LOG'))
    assert.is(error.details['file'], 'a')
  }
})

test('whoever closes it, the owner hears so once', () => {
  const cache = new FileCache(new VirtualDisk(), 1)
  const heard: string[] = []
  for (const path of ['a', 'b']) {
    runNow(cache.open(path, create))
    cache.whenClosed(path, () => heard.push(path))
  }
  cache.close('b')
  cache.close('b')
  assert.equal(heard, ['a', 'b'])
})

test('thousands of partitions live within a few descriptors, and hold kernel memory no longer than those', () => {
  const { store, most } = counting()
  const context = newContext(store, 16)
  // Files that share a process share the kernel as well: what earlier ones left of it isn't this one's.
  const before = context.kernel.memory.usedBytes
  const lists = Array.from({ length: 2000 }, (_, partition) => {
    const list = new SegmentList(context, `t-${partition}`, () => ({ ...config, indexIntervalBytes: 0 }), [])
    runNow(list.roll(0))
    return list
  })
  for (let round = 0; round < 4; round++) {
    for (const list of lists) append(list, { baseOffset: round, timestamp: 1000 + round })
  }
  const used = context.kernel.memory.usedBytes
  while (context.files.giveUp());
  const one = (used - context.kernel.memory.usedBytes) / 16
  assert.ok(one > 0 && used - before < 100 * one, `${used - before} bytes of kernel memory, ${one} of each`)
  const into = new Uint8Array(1000)
  for (const list of lists) assert.ok(read(list, 3, into) > 0)
  assert.ok(most() <= 17, `${most()} files open at once`)
})

test('a segment whose file was closed goes on where it was without reading its batches', () => {
  const disk = new VirtualDisk()
  const open = disk.open.bind(disk)
  let reads = 0
  disk.open = (name, options) => {
    const file = open(name, options)
    if (file === undefined) return undefined
    const read = file.read.bind(file)
    return Object.assign(file, {
      read(into: Uint8Array, position: number) {
        reads++
        return read(into, position)
      },
    })
  }
  const context = newContext(disk)
  const list = newList(context, { segmentBytes: 1 << 20, segmentMs: 1e9 })
  const kept = newList(newContext(new VirtualDisk()), { segmentBytes: 1 << 20, segmentMs: 1e9 })
  for (let offset = 0; offset < 20; offset++) {
    const wish = { baseOffset: offset, timestamp: 1000 + offset, valueBytes: 90 }
    append(kept, wish)
    append(list, wish)
    while (context.files.giveUp());
  }
  assert.is(reads, 0)
  runNow(list.loadActive())
  for (const each of [list, kept]) runNow(each.writeIndexes())
  assert.equal(list.active?.facts(), kept.active?.facts(), 'the indexes are those of a file that stayed open')
})

test.run()
