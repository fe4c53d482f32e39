import { check, failure, same } from '../case.ts'
import { make, refused } from './contents.ts'
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
    next.assertHeld?.()
    await failure(() => store.lock(), 'a lock while the other holds', 'DIRECTORY_IN_USE')
    await lock.release()
    await failure(() => store.lock(), 'a lock after a stale release', 'DIRECTORY_IN_USE')
    await next.release()
    await (await store.lock()).release()
    await other.close()
  },
  async 'lock: is the next holder’s alone, though a store that had it before is refused, or closed'({ store, reopen }) {
    if (!store.capabilities.exclusiveLock) return
    const [next, third] = [await reopen(), await reopen()]
    await (await store.lock()).release()
    await next.lock()
    await failure(() => store.lock(), 'a lock while the next one holds', 'DIRECTORY_IN_USE')
    await store.close()
    await failure(() => third.lock(), 'a lock while the next one holds still', 'DIRECTORY_IN_USE')
    await next.close()
    await (await third.lock()).release()
    await third.close()
  },
  async 'lock: of two that ask at once one gets it'({ store, reopen }) {
    if (!store.capabilities.exclusiveLock) return
    const other = await reopen()
    const asked = await Promise.allSettled([store, other].map(async (each) => await each.lock()))
    same(asked.filter(({ status }) => status === 'fulfilled').length, 1, 'locks')
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
    const file = await make(store, 'file', 'abc')
    await store.close()
    await store.close()
    await refused(() => store.open('file', { create: true }), 'open', 'open')
    await refused(() => store.list(''), 'list', 'list')
    await refused(() => store.rename('file', 'other'), 'rename', 'rename')
    await refused(() => store.remove('file'), 'remove', 'remove')
    await refused(() => store.syncDirectory(''), 'syncDirectory', 'syncDirectory')
    await refused(() => file.read(new Uint8Array(3), 0), 'read of a file that was open', 'read')
    await refused(() => file.write(new Uint8Array(3), 0), 'write to a file that was open', 'write')
    const again = await reopen()
    same(await again.list(''), ['file'], 'the root')
    if (again.capabilities.exclusiveLock) {
      await failure(() => store.lock(), 'lock', 'KAFKA_STORAGE_ERROR')
      await (await again.lock()).release()
    }
    await again.close()
  },
}
