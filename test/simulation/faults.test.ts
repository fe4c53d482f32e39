// What goes wrong on a running disk: each fault does what its name says, when it is told to, and not otherwise.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { StoreFile } from '../../bindings/storage/file-store.ts'
import { DiskFaults, type Fault } from '../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function flush(file: StoreFile): void {
  assert.is(file.flush(), undefined, 'a virtual disk answers without a promise')
}

/** A durable file that says `old-old-`, with the fault planned from then on. */
function diskWith(fault: Fault): { disk: VirtualDisk; file: StoreFile; faults: DiskFaults } {
  const disk = new VirtualDisk()
  const file = disk.open('one', { create: true }) as StoreFile
  file.write(bytesOf('old-old-'), 0)
  flush(file)
  disk.syncDirectory('')
  const faults = new DiskFaults([fault])
  disk.faults = faults
  return { disk, file, faults }
}

function seen(disk: VirtualDisk): string {
  const file = disk.open('one', { create: false }) as StoreFile
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  return new TextDecoder('latin1').decode(bytes)
}

const afterPowerFailure = (disk: VirtualDisk, mode: 'none' | 'all' = 'none'): string =>
  seen(disk.image(new Random(1), mode))

for (const kind of ['read', 'write', 'flush', 'truncate', 'open', 'rename', 'remove', 'syncDirectory'] as const) {
  test(`error at the second ${kind}, once or from then on`, () => {
    for (const isSticky of [false, true]) {
      const { disk, file } = diskWith({ kind, effect: 'error', at: 2, isSticky })
      const act = {
        read: () => file.read(new Uint8Array(1), 0),
        write: () => file.write(bytesOf('x'), 0),
        flush: () => file.flush(),
        truncate: () => file.truncate(8),
        open: () => disk.open('one', { create: false }),
        rename: () => disk.rename('one', 'one'),
        remove: () => disk.remove('two'),
        syncDirectory: () => disk.syncDirectory(''),
      }[kind] as () => unknown
      act()
      assert.throws(act, /input\/output error/)
      if (isSticky) assert.throws(act, /input\/output error/)
      else act()
    }
  })
}

test('a short write does and counts half', () => {
  const { disk, file } = diskWith({ kind: 'write', effect: 'short', at: 1 })
  assert.is(file.write(bytesOf('NEW-'), 0), 2)
  assert.is(seen(disk), 'NEd-old-')
})

test('a lying write counts all and does nothing, a lying flush makes nothing durable', () => {
  const lying = diskWith({ kind: 'write', effect: 'lying', at: 1 })
  assert.is(lying.file.write(bytesOf('NEW-'), 0), 4)
  assert.is(seen(lying.disk), 'old-old-')
  const flushing = diskWith({ kind: 'flush', effect: 'lying', at: 1 })
  flushing.file.write(bytesOf('NEW-'), 0)
  flush(flushing.file)
  assert.is(afterPowerFailure(flushing.disk), 'old-old-')
})

test('a misdirected write lands a sector further, a zeroed one writes zeros', () => {
  const astray = diskWith({ kind: 'write', effect: 'misdirected', at: 1 })
  astray.file.write(bytesOf('NEW-'), 0)
  assert.is(seen(astray.disk).slice(0, 8), 'old-old-')
  assert.is(seen(astray.disk).slice(512), 'NEW-')
  const zeroed = diskWith({ kind: 'write', effect: 'zeroed', at: 1 })
  zeroed.file.write(bytesOf('NEW-'), 0)
  assert.is(seen(zeroed.disk), '\0\0\0\0old-')
})

test('a flipped read shows one bit wrong, once', () => {
  const { disk, faults } = diskWith({ kind: 'read', effect: 'flipped', at: 1 })
  assert.is.not(seen(disk), 'old-old-')
  assert.is(faults.struck, 1)
  assert.is(seen(disk), 'old-old-')
})

for (const shows of ['new', 'old'] as const) {
  test(`after a failed flush that shows the ${shows} content, the next one succeeds and writes nothing of it`, () => {
    const { disk, file } = diskWith({ kind: 'flush', effect: `drops-shows-${shows}`, at: 1 })
    file.write(bytesOf('NEW-'), 0)
    assert.throws(() => file.flush(), /device failed/)
    assert.is(seen(disk), shows === 'new' ? 'NEW-old-' : 'old-old-')
    flush(file)
    assert.is(afterPowerFailure(disk), 'old-old-')
    assert.is(afterPowerFailure(disk, 'all'), 'old-old-')
    assert.is(disk.isDurable('one', 0, 4), shows === 'old')
    // What is written anew reaches the disk like any other.
    file.write(bytesOf('AGAIN'), 0)
    flush(file)
    assert.is(afterPowerFailure(disk).slice(0, 5), 'AGAIN')
    assert.ok(disk.isDurable('one', 0, 5))
  })
}

test('a failed flush may have written a part, and have torn what was durable in the sectors of the rest', () => {
  const left = new Set<string>()
  for (let partBy = 0; partBy < 60; partBy++) {
    const { disk, file } = diskWith({ kind: 'flush', effect: 'drops-shows-new', at: 1, partBy })
    file.write(bytesOf('NEW-'), 4)
    assert.throws(() => file.flush(), /device failed/)
    assert.is(seen(disk), 'old-NEW-')
    flush(file)
    left.add(afterPowerFailure(disk))
  }
  assert.ok(left.has('old-old-') && left.has('old-NEW-') && left.size > 2)
})

test('what was spoilt at rest is spoilt after a crash too', () => {
  const { disk } = diskWith({ kind: 'read', effect: 'error', at: 99 })
  disk.spoil('one', 4, new Uint8Array(4))
  assert.is(afterPowerFailure(disk), 'old-\0\0\0\0')
})

test('a full disk serves again after a release', () => {
  const { disk, file } = diskWith({ kind: 'read', effect: 'error', at: 99 })
  disk.freeBytes = 0
  assert.throws(() => file.write(bytesOf('x'), 8), /no space/)
  disk.freeBytes = 100
  assert.is(file.write(bytesOf('x'), 8), 1)
})

test('a process that starts again over pages that a failed flush dropped makes none of them durable either', () => {
  const { disk, file } = diskWith({ kind: 'flush', effect: 'drops-shows-new', at: 1 })
  file.write(bytesOf('NEW-'), 0)
  assert.throws(() => file.flush(), /device failed/)
  const killed = disk.image(new Random(1), 'kill')
  assert.is(seen(killed), 'NEW-old-')
  flush(killed.open('one', { create: false }) as StoreFile)
  assert.is(afterPowerFailure(killed), 'old-old-')
})

const MODES = ['kill', 'torn', 'none', 'all', 'mixed'] as const

test('what is written to an image stays there, and what is written to the disk afterwards comes to no image', () => {
  for (const mode of MODES) {
    const { disk, file } = diskWith({ kind: 'read', effect: 'error', at: 99 })
    const [first, second] = [disk.image(new Random(1), mode), disk.image(new Random(1), mode)]
    const inFirst = first.open('one', { create: false }) as StoreFile
    inFirst.write(bytesOf('1st-'), 0)
    flush(inFirst)
    first.remove('one')
    first.syncDirectory('')
    for (const each of [disk, second]) {
      assert.is(seen(each), 'old-old-', mode)
      assert.is(afterPowerFailure(each), 'old-old-', mode)
    }
    file.write(bytesOf('NEW-'), 0)
    flush(file)
    assert.is(seen(second), 'old-old-', mode)
    assert.is(afterPowerFailure(second), 'old-old-', mode)
  }
})

test('an image holds the files and shares what nobody writes', () => {
  const disk = new VirtualDisk()
  const [files, fileBytes, images] = [10, 65_536, 200]
  for (let index = 0; index < files; index++) {
    const file = disk.open(`d${index}/f`, { create: true }) as StoreFile
    file.write(new Uint8Array(fileBytes).fill(1), 0)
    flush(file)
    disk.syncDirectory(`d${index}`)
    file.write(new Uint8Array(1500).fill(2), 4000)
  }
  disk.syncDirectory('')
  for (const mode of MODES) {
    const random = new Random(3)
    const before = process.memoryUsage().arrayBuffers
    const made = Array.from({ length: images }, () => disk.image(random, mode))
    const taken = process.memoryUsage().arrayBuffers - before
    assert.ok(made.every((image) => image.list('').length === files))
    assert.ok(taken < (images * files * fileBytes) / 4, `${mode}: ${taken} bytes for ${images} images`)
  }
})

test.run()
