// Writes that bypass the page cache and writes through it make one file, whoever reads it.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeFully } from '../../bindings/storage/checked-write.ts'
import { AlignedCopy } from '../../bindings/storage/drivers/node-fs/aligned-copy.ts'
import { DirectWrites } from '../../bindings/storage/drivers/node-fs/direct-writes.ts'
import { NodeFile } from '../../bindings/storage/drivers/node-fs/file.ts'
import { FlushPlace } from '../../bindings/storage/drivers/node-fs/flush-place.ts'
import { PoolShare } from '../../bindings/storage/drivers/node-fs/pool-share.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'

const SIZE_BYTES = 64 * 1024
const scratch = fs.mkdtempSync(join(tmpdir(), 'direct-'))
test.after(() => fs.rmSync(scratch, { recursive: true }))

/** On a page, as the kernel's memory is. */
function alignedBytes(): Uint8Array {
  return new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer)
}

function preparedFile(name: string): { place: string; descriptor: number } {
  const place = join(scratch, name)
  fs.writeFileSync(place, new Uint8Array(SIZE_BYTES))
  return { place, descriptor: fs.openSync(place, 'r+') }
}

/** One whose writes may be direct: it replaces bytes, and has nothing to flush. */
async function flushedFile(name: string): Promise<{ place: string; file: NodeFile }> {
  const { place, descriptor } = preparedFile(name)
  const shared = { place: new FlushPlace(), share: new PoolShare(), copy: new AlignedCopy() }
  const file = new NodeFile(name, scratch, descriptor, shared, () => {})
  file.size()
  await file.flush()
  return { place, file }
}

function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % below
  }
}

test('sectors in aligned memory go directly, or the file system refuses all of it; anything else never does', () => {
  const { place, descriptor } = preparedFile('sectors')
  const direct = new DirectWrites()
  const bytes = alignedBytes().fill(7)
  const count = direct.write(descriptor, bytes.subarray(512, 1536), 4096)
  assert.ok(count === 1024 || count === undefined)
  assert.is(direct.write(descriptor, bytes.subarray(0, 511), 0), undefined)
  assert.is(direct.write(descriptor, bytes.subarray(0, 512), 1), undefined)
  assert.is(direct.write(descriptor, bytes.subarray(1, 513), 0), undefined)
  const found = fs.readFileSync(place)
  assert.is(found.indexOf(7), count === undefined ? -1 : 4096)
  assert.is(found.lastIndexOf(7), count === undefined ? -1 : 4096 + 1023)
  direct.close()
  fs.closeSync(descriptor)
})

test('what is no refusal of the way is told', () => {
  const descriptor = fs.openSync(scratch, 'r')
  assert.throws(
    () => new DirectWrites().write(descriptor, alignedBytes().subarray(0, 512), 0),
    (error: NodeJS.ErrnoException) => error.code === 'EISDIR',
  )
  fs.closeSync(descriptor)
})

class CountingPlace extends FlushPlace {
  asked = 0

  override isInPlace(): boolean {
    this.asked++
    return true
  }
}

test('a flush asks the device but where every write since the last one did so itself', async () => {
  const { descriptor } = preparedFile('flushed')
  const place = new CountingPlace()
  const shared = { place, share: new PoolShare(), copy: new AlignedCopy() }
  const file = new NodeFile('flushed', scratch, descriptor, shared, () => {})
  const bytes = alignedBytes()
  file.size()
  await file.flush()
  const asks = async (...writes: readonly (readonly [number, number])[]): Promise<number> => {
    const before = place.asked
    for (const [lengthBytes, position] of writes) file.write(bytes.subarray(0, lengthBytes), position)
    await file.flush()
    return place.asked - before
  }
  const isSupported = (await asks([512, 0])) === 0
  assert.is(await asks([512, 512]), isSupported ? 0 : 1)
  assert.is(await asks([100, 0]), 1, 'through the cache')
  assert.is(await asks([100, 0], [512, 4096]), 1, 'both, the direct one last')
  assert.is(await asks([512, 4096], [100, 0]), 1, 'both, the direct one first')
  assert.is(await asks(), 1, 'nothing: what others wrote may be meant')
  file.close()
})

/** Writes on other threads wait until they are let go. */
function heldWrites(): { readonly held: (() => void)[]; restore(): void } {
  const held: (() => void)[] = []
  const { write } = fs
  const hold = (...call: Parameters<typeof write>) => void held.push(() => write(...call))
  Object.assign(fs, { write: hold })
  syncBuiltinESMExports()
  const restore = () => {
    Object.assign(fs, { write })
    syncBuiltinESMExports()
  }
  return { held, restore }
}

test('what nobody waits for goes to another thread as a copy, and is answered when it stands', async () => {
  const { place, file } = await flushedFile('later')
  const bytes = alignedBytes()
  const { held, restore } = heldWrites()
  try {
    const writeDurably = (fill: number, position: number) => {
      const answer = { hasCome: false }
      const done = file.writeDurably(bytes.subarray(0, 512).fill(fill), position)
      const come = () => {
        answer.hasCome = true
      }
      Promise.resolve(done).then(come, assert.unreachable)
      return answer
    }
    writeDurably(1, 0)
    await file.flush()
    assert.is(held.length, 0, 'the first one asks whether the file system takes such writes')
    writeDurably(4, SIZE_BYTES)
    await file.flush()
    assert.is(held.length, 0, 'it replaces nothing')
    const first = writeDurably(2, 512)
    const isSupported = held.length === 1
    const second = writeDurably(3, 1024)
    await setImmediate()
    await file.flush()
    assert.is(held.length, isSupported ? 1 : 0, 'one at a time')
    assert.is(first.hasCome, !isSupported)
    assert.ok(second.hasCome)
    for (const go of held.splice(0)) go()
    while (!first.hasCome) await setImmediate()
    const found = fs.readFileSync(place)
    assert.equal(
      [0, 512, 1024, SIZE_BYTES].map((at) => [found[at], found[at + 511]]),
      [
        [1, 1],
        [2, 2],
        [3, 3],
        [4, 4],
      ],
    )
    await file.flush()
    writeDurably(5, 512)
    assert.is(held.length, isSupported ? 1 : 0, 'the next one, once that is done')
    for (const go of held.splice(0)) go()
    file.close()
  } finally {
    restore()
  }
})

// XFS on sectors of 4 KiB takes a frame of that size and refuses one of 512 bytes. That ended the log.
test('what is refused on another thread is written through the cache and flushed, and the next one at once', async () => {
  const { place, file } = await flushedFile('refused')
  const bytes = alignedBytes()
  await file.writeDurably(bytes.subarray(0, 512).fill(1), 0)
  const { write, fdatasync } = fs
  const asked: string[] = []
  const refusing = (...call: Parameters<typeof write>) => {
    asked.push('write')
    const done = call.at(-1) as unknown as (error: Error) => void
    setImmediate().then(() => done(Object.assign(new Error('EINVAL'), { code: 'EINVAL' })), assert.unreachable)
  }
  const counting = (...call: Parameters<typeof fdatasync>) => {
    asked.push(`flush of ${fs.readFileSync(place)[512]}`)
    fdatasync(...call)
  }
  Object.assign(fs, { write: refusing, fdatasync: counting })
  syncBuiltinESMExports()
  try {
    await file.writeDurably(bytes.subarray(0, 512).fill(2), 512)
    if (asked.length > 0) assert.equal(asked, ['write', 'flush of 2'])
    await file.writeDurably(bytes.subarray(0, 512).fill(3), 1024)
    assert.ok(asked.filter((each) => each === 'write').length <= 1, 'it is not asked again')
  } finally {
    Object.assign(fs, { write, fdatasync })
    syncBuiltinESMExports()
  }
  const found = fs.readFileSync(place)
  assert.equal([found[0], found[512], found[1023], found[1024]], [1, 2, 2, 3])
  file.close()
})

// The descriptor's number was free then, and what waited for a thread went to the file that was opened next.
test('one that is refused beside one on another thread leaves that one its file', async () => {
  const { place, file } = await flushedFile('beside')
  const bytes = alignedBytes()
  await file.writeDurably(bytes.subarray(0, 512).fill(1), 0)
  const { writeSync } = fs
  const { held, restore } = heldWrites()
  const next: number[] = []
  try {
    const later = file.writeDurably(bytes.subarray(0, 512).fill(2), 512)
    const isSupported = held.length === 1
    let refusals = isSupported ? 1 : 0
    const refusing = (...call: Parameters<typeof writeSync>) => {
      if (refusals-- > 0) throw Object.assign(new Error('EINVAL'), { code: 'EINVAL' })
      return writeSync(...call)
    }
    Object.assign(fs, { writeSync: refusing })
    syncBuiltinESMExports()
    writeFully(file, bytes.subarray(0, 512).fill(3), 1024)
    for (const name of ['other', 'another']) next.push(preparedFile(name).descriptor)
    for (const go of held.splice(0)) go()
    await later
  } finally {
    Object.assign(fs, { writeSync })
    restore()
    for (const descriptor of next) fs.closeSync(descriptor)
  }
  const found = fs.readFileSync(place)
  assert.equal([found[0], found[512], found[1024]], [1, 2, 3])
  for (const name of ['other', 'another']) assert.ok(fs.readFileSync(join(scratch, name)).every((byte) => byte === 0))
  file.close()
})

test('writes of both kinds in any order read back as one file, by its own descriptor and by others', async () => {
  const random = seeded(20)
  const store = createDirectoryStore(join(scratch, 'mixed'))
  const file = await store.open('ring', { create: true })
  if (file === undefined) throw new Error('not created')
  writeFully(file, new Uint8Array(SIZE_BYTES), 0)
  await file.flush()
  const model = new Uint8Array(SIZE_BYTES)
  const memory = alignedBytes()
  for (let round = 0; round < 2000; round++) {
    const step = random(3) === 0 ? 1 : 512
    const length = Math.min(step * (1 + random(8)), SIZE_BYTES)
    const position = step * random((SIZE_BYTES - length) / step)
    const at = step * random(16)
    const bytes = memory.subarray(at, at + length).fill(1 + random(255))
    writeFully(file, bytes, position)
    model.set(bytes, position)
    if (random(4) === 0) await file.flush()
    if (round % 50 === 0) assert.equal(new Uint8Array(fs.readFileSync(join(scratch, 'mixed/ring'))), model)
  }
  const read = new Uint8Array(SIZE_BYTES)
  assert.is(file.read(read, 0), SIZE_BYTES)
  assert.equal(read, model)
  assert.is(file.size(), SIZE_BYTES)
  file.close()
  await store.close()
})

test.run()
