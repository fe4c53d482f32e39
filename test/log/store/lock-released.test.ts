// A close that fails releases the store all the same: whoever opens it next must not find it held by nobody.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError, openDriver } from '../../../bindings/entry/node.ts'
import { MemoryStore } from '../../../bindings/storage/drivers/memory.ts'
import type { StoreFile, StoreLock } from '../../../bindings/storage/file-store.ts'
import { until } from '../../until.ts'

const codeOf = (error: unknown) => (error as LogError).code

class Unclosable extends MemoryStore {
  isWilling = true

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (file === undefined) return undefined
    const close = file.close.bind(file)
    file.close = () => {
      close()
      if (!this.isWilling) throw new TypeError(`${path} can't be closed`)
    }
    return file
  }
}

test('a log whose files throw as they are closed gives up its lock and its store', async () => {
  const store = new Unclosable()
  const log = await openDriver(store)
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'v' })
  store.isWilling = false
  const refusal: unknown = await log.close().catch((error: unknown) => error)
  assert.instance(refusal, TypeError)
  const again = await openDriver(store.reopen())
  for await (const { offset } of again.read('t', { until: 'end' })) assert.is(offset, 0)
  await again.close()
})

/** A frame that nobody awaits in place is written by another thread, which takes its time. */
class Slow extends MemoryStore {
  failing: string | undefined
  isLocked = false
  end: (() => void) | undefined

  override lock(): StoreLock {
    const lock = super.lock() as StoreLock
    this.isLocked = true
    const release = () => {
      this.isLocked = false
      return lock.release()
    }
    return { ...lock, release }
  }

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (file === undefined) return undefined
    const write = file.write.bind(file)
    file.write = (bytes, position) => {
      if (path.startsWith(`${this.failing}`)) {
        throw new LogError('KAFKA_STORAGE_ERROR', `${path} can't be written`, { file: path, operation: 'write' })
      }
      return write(bytes, position)
    }
    if (path.endsWith('.ring')) {
      file.writeDurably = (bytes, position) => {
        write(bytes, position)
        return new Promise((resolve) => {
          this.end = resolve
        })
      }
    }
    return file
  }
}

test('a log that ended gives up its lock only once no thread writes to its journal any more', async () => {
  const store = new Slow()
  const log = await openDriver(store)
  for (const topic of ['t', 'u']) await log.admin.createTopic(topic)
  const producer = log.producer({ acks: 1 })
  const first = producer.send({ topic: 't', value: 'v' }).catch(codeOf)
  await until(() => store.end !== undefined)
  store.failing = 'u-0'
  assert.is(await producer.send({ topic: 'u', value: 'v' }).catch(codeOf), 'KAFKA_STORAGE_ERROR')
  let isClosed = false
  const closed = log
    .close()
    .catch(codeOf)
    .then(() => {
      isClosed = true
    })
  // Fifty times what a close takes that waits for nothing: this one must not end, and no event tells that.
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal([isClosed, store.isLocked], [false, true])
  store.end?.()
  await Promise.all([first, closed])
  assert.is(store.isLocked, false)
})

test.run()
