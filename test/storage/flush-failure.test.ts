// Rule 10: callers that flush beside a flush that fails are told so as well, and nobody is told otherwise later.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import type { FileStore, StoreFile } from '../../bindings/storage/file-store.ts'
import { rememberFailedFlush } from '../../bindings/storage/flush-failure.ts'

/** Ends a flush, well or with that error. */
type End = (error?: unknown) => void

/** A store whose flushes end when they are told to, in the order in which they were asked for. */
function slowStore(): { readonly slow: FileStore; readonly asked: readonly End[] } {
  const asked: End[] = []
  const memory = new MemoryStore()
  const later = () =>
    new Promise<void>((resolve, reject) => {
      asked.push((error) => (error === undefined ? resolve() : reject(error)))
    })
  const open: FileStore['open'] = (path, options) => {
    const file = memory.open(path, options)
    return file && Object.assign(file, { flush: later })
  }
  return { slow: Object.assign(Object.create(memory) as FileStore, { open, syncDirectory: later }), asked }
}

function opened(store: FileStore, path: string): StoreFile {
  const file = store.open(path, { create: true })
  assert.ok(file !== undefined && !(file instanceof Promise))
  return file
}

/** What it fails with. */
async function outcome(flush: () => unknown): Promise<unknown> {
  try {
    await flush()
    return undefined
  } catch (error) {
    return error
  }
}

test('a flush that ends well after one that failed has failed too, and no later one reaches the device', async () => {
  const { slow, asked } = slowStore()
  const store = rememberFailedFlush(slow)
  const [first, second] = [opened(store, 'a'), opened(store, 'b')]
  const outcomes = [outcome(() => first.flush()), outcome(() => second.flush()), outcome(() => store.syncDirectory(''))]
  const failure = new LogError('KAFKA_STORAGE_ERROR', 'the device failed')
  const [ofFirst, ofSecond, ofDirectory] = asked
  ofDirectory?.()
  assert.is(await outcomes[2], undefined, 'it ended before anything failed')
  ofFirst?.(failure)
  ofSecond?.()
  assert.is(await outcomes[0], failure)
  assert.is(await outcomes[1], failure)
  for (const flush of [() => first.flush(), () => opened(store, 'c').flush(), () => store.syncDirectory('')])
    assert.is(await outcome(flush), failure)
  assert.is(asked.length, 3)
})

for (const [ending, failing] of [
  [0, 1],
  [1, 0],
]) {
  test(`flush ${ending} of a file ends well before flush ${failing} fails, which had the only word of it: both failed`, async () => {
    const { slow, asked } = slowStore()
    const file = opened(rememberFailedFlush(slow), 'a')
    const outcomes = [outcome(() => file.flush()), outcome(() => file.flush())]
    const failure = new LogError('KAFKA_STORAGE_ERROR', 'the device failed')
    asked[ending ?? 0]?.()
    await new Promise((resolve) => setImmediate(resolve))
    asked[failing ?? 0]?.(failure)
    assert.equal(await Promise.all(outcomes), [failure, failure])
  })
}

test('a flush that waits in place is believed with those of its file that are under way', async () => {
  const { slow, asked } = slowStore()
  const file = opened(slow, 'a')
  const later = file.flush.bind(file)
  let isInPlace = false
  Object.assign(file, { flush: () => (isInPlace ? undefined : later()) })
  const watched = opened(
    rememberFailedFlush(Object.assign(Object.create(slow) as FileStore, { open: () => file })),
    'a',
  )
  const first = outcome(() => watched.flush())
  isInPlace = true
  const second = outcome(() => watched.flush())
  const failure = new LogError('KAFKA_STORAGE_ERROR', 'the device failed')
  asked[0]?.(failure)
  assert.equal(await Promise.all([first, second]), [failure, failure])
})

// A network file system may tell of a lost write only where the file is closed; a flush of the file, opened anew, would
// succeed.
test('a file that could not be closed lost what it had taken: no later flush is believed', async () => {
  const { slow, asked } = slowStore()
  const failure = new LogError('KAFKA_STORAGE_ERROR', 'the server has no room', { operation: 'close', errno: 'EDQUOT' })
  const file = opened(slow, 'a')
  const close = (): void => {
    throw failure
  }
  Object.assign(file, { close })
  const store = rememberFailedFlush(Object.assign(Object.create(slow) as FileStore, { open: () => file }))
  const watched = opened(store, 'a')
  assert.is(await outcome(() => watched.close()), failure)
  const flushed = outcome(() => opened(store, 'a').flush())
  asked[0]?.()
  assert.is(await flushed, failure)
})

test('a directory that could not be opened for too many open files is synced the next time', async () => {
  const { slow, asked } = slowStore()
  const store = rememberFailedFlush(slow)
  const failure = new LogError('KAFKA_STORAGE_ERROR', 'too many open files', { errno: 'EMFILE' })
  const refused = outcome(() => store.syncDirectory(''))
  asked[0]?.(failure)
  assert.is(await refused, failure)
  const again = outcome(() => store.syncDirectory(''))
  asked[1]?.()
  assert.is(await again, undefined)
})

test.run()
