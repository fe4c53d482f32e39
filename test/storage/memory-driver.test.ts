// A log in memory with thousands of partitions: what a directory holds is found without a look at all files.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'

const DIRECTORIES = 1000

test('to list, rename and remove in a directory looks at what is in it', () => {
  const store = new MemoryStore()
  for (let index = 0; index < DIRECTORIES; index++) store.open(`d${index}/file`, { create: true })
  store.open('d7/inner/file', { create: true })
  let looks = 0
  const { lastIndexOf } = String.prototype
  const { startsWith } = String.prototype
  String.prototype.lastIndexOf = function (...given) {
    looks++
    return lastIndexOf.apply(this, given)
  }
  String.prototype.startsWith = function (...given) {
    looks++
    return startsWith.apply(this, given)
  }
  try {
    assert.equal(store.list('d7'), ['file', 'inner'])
    store.rename('d7', 'e7')
    assert.equal([store.list('d7'), store.list('e7'), store.list('e7/inner')], [[], ['file', 'inner'], ['file']])
    for (const path of ['e7/inner/file', 'e7/inner', 'e7/file', 'e7']) store.remove(path)
  } finally {
    Object.assign(String.prototype, { lastIndexOf, startsWith })
  }
  assert.ok(looks < 100, `${looks} looks`)
  assert.is(store.list('').length, DIRECTORIES - 1)
})

test.run()
