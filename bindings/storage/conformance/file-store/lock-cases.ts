import { check, failure, same } from '../case.ts'
import type { FileStoreCases } from './fixture.ts'

export const lockCases: FileStoreCases = {
  async 'lock: excludes every other, names the holder, and frees'({ store, reopen }) {
    if (!store.capabilities.exclusiveLock) {
      await failure(() => store.lock(), 'a lock that the driver does not have', 'LOCK_UNSUPPORTED')
      return
    }
    const lock = await store.lock()
    const other = await reopen()
    const error = await failure(() => other.lock(), 'a second lock', 'DIRECTORY_IN_USE')
    for (const detail of ['pid', 'host', 'since']) check(detail in error.details, `${detail} in the details`)
    await failure(() => store.lock(), 'a second lock of the same store', 'DIRECTORY_IN_USE')
    await lock.release()
    await lock.release()
    const next = await other.lock()
    await failure(() => store.lock(), 'a lock while the other holds', 'DIRECTORY_IN_USE')
    await lock.release()
    await failure(() => store.lock(), 'a lock after a stale release', 'DIRECTORY_IN_USE')
    await next.release()
    await (await store.lock()).release()
    await other.close()
  },
  async 'lock: leaves no trace among the files'({ store }) {
    if (!store.capabilities.exclusiveLock) return
    const lock = await store.lock()
    same(await store.list(''), [], 'the root')
    await lock.release()
    same(await store.list(''), [], 'the root after it')
  },
  async 'close: frees the lock, and the store refuses everything after it'({ store, reopen }) {
    if (store.capabilities.exclusiveLock) await store.lock()
    await store.close()
    await store.close()
    await failure(() => store.open('file', { create: true }), 'open', 'KAFKA_STORAGE_ERROR')
    await failure(() => store.list(''), 'list', 'KAFKA_STORAGE_ERROR')
    await failure(() => store.syncDirectory(''), 'syncDirectory', 'KAFKA_STORAGE_ERROR')
    const again = await reopen()
    if (again.capabilities.exclusiveLock) await (await again.lock()).release()
    await again.close()
  },
}
