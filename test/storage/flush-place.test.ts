// Where a small flush waits: in place on a quick disk, on the thread pool on a slow one, and back.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeFully } from '../../bindings/storage/checked-write.ts'
import { NodeFile } from '../../bindings/storage/drivers/node-fs/file.ts'
import { FlushPlace } from '../../bindings/storage/drivers/node-fs/flush-place.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'

const QUICK = 0.1
const SLOW = 5

/** Flushes until the next one in place, all of that duration. */
function pooledRun(place: FlushPlace, durationMs: number): number {
  let pooled = 0
  while (!place.isInPlace()) pooled++
  place.took(durationMs)
  return pooled
}

test('quick flushes stay in place, some slow ones among them change nothing', () => {
  const place = new FlushPlace()
  for (let index = 0; index < 1000; index++) assert.is(pooledRun(place, index % 3 === 0 ? SLOW : QUICK), 0)
})

test('a slow disk gets the pool after eight flushes, and ever rarer attempts of two', () => {
  const place = new FlushPlace()
  const runs = Array.from({ length: 8 + 4 }, () => pooledRun(place, SLOW))
  assert.equal(runs, [0, 0, 0, 0, 0, 0, 0, 0, 256, 0, 512, 0])
})

test('a disk that became quick is flushed in place again, and an old slowness is forgotten', () => {
  const place = new FlushPlace()
  for (let index = 0; index < 12; index++) pooledRun(place, SLOW)
  assert.is(pooledRun(place, QUICK), 1024)
  for (let index = 0; index < 20; index++) assert.is(pooledRun(place, QUICK), 0)
  for (let index = 0; index < 8; index++) assert.is(pooledRun(place, SLOW), 0)
  assert.is(pooledRun(place, SLOW), 256)
})

test('only what replaces a few bytes may wait in place; what grew or is much goes to the pool', async () => {
  const root = mkdtempSync(join(tmpdir(), 'flush-'))
  try {
    const store = createDirectoryStore(root)
    const file = (await store.open('journal/ring', { create: true })) as NodeFile
    assert.instance(file, NodeFile)
    writeFully(file, new Uint8Array(512 * 1024), 0)
    const grown = file.flush()
    assert.instance(grown, Promise, 'grown')
    await grown
    writeFully(file, new Uint8Array(4096), 4096)
    assert.is(file.flush(), undefined, 'replaced')
    writeFully(file, new Uint8Array(300 * 1024), 0)
    assert.instance(file.cut(512 * 1024), Promise, 'a cut')
    const much = file.flush()
    assert.instance(much, Promise, 'much')
    await much
    file.close()
    await store.close()
  } finally {
    rmSync(root, { recursive: true })
  }
})

// Regression: a commit after a checkpoint's flush of the same segment waited for its own in the event loop, half a
// millisecond.
test('who wants the same of a file waits for the flush under way, unless something was written since', async () => {
  const root = mkdtempSync(join(tmpdir(), 'flush-'))
  try {
    const store = createDirectoryStore(root)
    const file = (await store.open('segment', { create: true })) as NodeFile
    writeFully(file, new Uint8Array(512 * 1024), 0)
    const first = file.flush()
    assert.instance(first, Promise)
    assert.is(file.flush(), first)
    for (const change of [
      () => writeFully(file, new Uint8Array(300 * 1024), 0),
      () => file.truncate(400 * 1024),
      () => file.cut(300 * 1024),
    ]) {
      const before = file.flush()
      const changed = change()
      assert.is.not(file.flush(), before)
      await changed
    }
    await file.flush()
    assert.is(file.flush(), undefined, 'over')
    file.close()
    await store.close()
  } finally {
    rmSync(root, { recursive: true })
  }
})

test.run()
