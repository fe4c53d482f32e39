import { isPromise } from '../../is-promise.ts'
import { check, same } from '../case.ts'
import { make, refused } from './contents.ts'
import type { FileStoreCases } from './fixture.ts'

export const manifestCases: FileStoreCases = {
  async 'capabilities: frozen, and every claim is there'({ store }) {
    const { capabilities } = store
    check(Object.isFrozen(capabilities), 'the manifest to be frozen')
    check(store.capabilities === capabilities, 'the same manifest at every look')
    check(capabilities.name.length > 0, 'a name')
    check(['memory', 'os', 'stable', 'replicated'].includes(capabilities.durability), 'a known durability')
    for (const claim of ['synchronousFlush', 'rename', 'exclusiveLock'] as const) {
      same(typeof capabilities[claim], 'boolean', claim)
    }
  },
  async 'capabilities: synchronousFlush says whether flush answers without a promise'({ store }) {
    const file = await make(store, 'file', 'content')
    const answer = file.flush()
    same(!isPromise(answer), store.capabilities.synchronousFlush, 'flush without a promise')
    await answer
    file.close()
  },
  async 'capabilities: a store without rename refuses it'({ store }) {
    ;(await make(store, 'from', 'content')).close()
    if (store.capabilities.rename) await store.rename('from', 'to')
    else await refused(() => store.rename('from', 'to'), 'rename', 'rename')
  },
}
