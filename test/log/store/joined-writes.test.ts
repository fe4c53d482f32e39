// The bytes that a recovery restores become few writes, and go to the disk ahead of the checkpoint that counts on them.
import { setImmediate } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { JoinedWrites } from '../../../bindings/log/recovery/joined-writes.ts'
import { FileCache } from '../../../bindings/log/segment/file-cache.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { MemoryStore } from '../../../bindings/storage/drivers/memory.ts'
import type { FileStore, StoreFile } from '../../../bindings/storage/file-store.ts'
import { rememberFailedFlush } from '../../../bindings/storage/flush-failure.ts'
import { runTask } from '../../../bindings/storage/run-task.ts'

const PIECE_BYTES = 1024 * 1024

/** Tells of writes and flushes; flushes take a turn of the event loop, and fail with `failure`. */
async function watchedStore(failure?: LogError): Promise<{ store: FileStore; calls: string[] }> {
  const memory = new MemoryStore()
  const calls: string[] = []
  for (const path of ['t-0/a', 't-0/b']) memory.open(path, { create: true })?.close()
  const store: FileStore = Object.assign(Object.create(memory), {
    open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
      const file = memory.open(path, options)
      if (file === undefined) return undefined
      const write = file.write.bind(file)
      return Object.assign(file, {
        write(bytes: Uint8Array, position: number) {
          calls.push(`write ${path} ${position} ${bytes.length}`)
          return write(bytes, position)
        },
        async flush() {
          calls.push(`flush ${path}`)
          await Promise.resolve()
          if (failure !== undefined) throw failure
        },
      })
    },
  })
  return { store: rememberFailedFlush(store), calls }
}

/** Pieces of these sizes in bytes, one after the other. */
async function place(writes: JoinedWrites, path: string, sizes: readonly number[], from = 0): Promise<void> {
  let position = from
  for (const [index, size] of sizes.entries()) {
    await runTask(writes.write(path, new Uint8Array(size).fill(index + 1), position))
    position += size
  }
}

test('what follows each other in a file is one write, whatever else it is', async () => {
  const { store, calls } = await watchedStore()
  const files = new FileCache(store, 1)
  const writes = new JoinedWrites(files)
  await place(writes, 't-0/a', [10, 20, 30])
  await place(writes, 't-0/a', [5], 100)
  await place(writes, 't-0/b', [7, 8], 4)
  await runTask(writes.finish())
  assert.equal(calls, ['write t-0/a 0 60', 'write t-0/a 100 5', 'write t-0/b 4 15'])
  const present = new Uint8Array(60)
  ;(await runTask(files.reopen('t-0/a'))).read(present, 0)
  assert.equal([present[9], present[10], present[29], present[30], present[59]], [1, 2, 2, 3, 3])
})

test('no piece is larger than a mebibyte, unless it came so', async () => {
  const { store, calls } = await watchedStore()
  const writes = new JoinedWrites(new FileCache(store, 8))
  await place(writes, 't-0/a', [PIECE_BYTES - 1, 1, 1, PIECE_BYTES + 1])
  await runTask(writes.writeOut())
  const sizes = calls.map((each) => Number(each.split(' ')[3]))
  assert.equal(sizes, [PIECE_BYTES, 1, PIECE_BYTES + 1])
})

test('a file that got much is flushed as soon as it has all, without a wait; one that got little is not', async () => {
  const { store, calls } = await watchedStore()
  const writes = new JoinedWrites(new FileCache(store, 8))
  await place(writes, 't-0/a', [PIECE_BYTES, 10])
  await runTask(writes.finish())
  await place(writes, 't-0/b', [10])
  await runTask(writes.finish())
  await runTask(writes.finish())
  assert.equal(
    calls.filter((each) => each.startsWith('flush')),
    ['flush t-0/a'],
  )
})

test('where that flush failed, the one that counts is not believed', async () => {
  const failure = new LogError('KAFKA_STORAGE_ERROR', 'the device failed', { operation: 'flush', errno: 'EIO' })
  const { store } = await watchedStore(failure)
  const files = new FileCache(store, 8)
  const writes = new JoinedWrites(files)
  await place(writes, 't-0/a', [PIECE_BYTES])
  await runTask(writes.finish())
  // By then the flush that nobody waits for has failed.
  await setImmediate()
  const file = await runTask(files.reopen('t-0/a'))
  assert.throws(
    () => file.flush(),
    (error: unknown) => error === failure,
  )
})

test.run()
