// A flush ends no sooner than everything that was done to the file before the flush was asked for is durable, whichever
// flushes are under way and whatever bypasses the page cache. Once, a cut that ended while a flush was under way
// counted as covered by it, and a caller that had only written sectors past the cache was answered before an older
// write was durable.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { AlignedCopy } from '../../bindings/storage/drivers/node-fs/aligned-copy.ts'
import { NodeFile } from '../../bindings/storage/drivers/node-fs/file.ts'
import { FlushPlace } from '../../bindings/storage/drivers/node-fs/flush-place.ts'
import { PoolShare } from '../../bindings/storage/drivers/node-fs/pool-share.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'

type Called = (error: Error | null) => void
type Written = (error: Error | null, count: number) => void

const SEEDS = 60
const STEPS = 120
const FILES = 4
const { openSync, writeSync, write, ftruncateSync, ftruncate, fdatasyncSync, fdatasync, fstatSync } = fs
const system = { openSync, writeSync, write, ftruncateSync, ftruncate, fdatasyncSync, fdatasync }

/** Stands between the driver and the system: knows what of each file no flush has covered. */
class Watched {
  writesLater = 0
  takesDirect = false
  readonly #random: Random
  readonly #passing = new Set<number>()
  readonly #undurable = new Map<number, Set<object>>()
  readonly #underWay: (() => void)[] = []

  constructor(random: Random) {
    this.#random = random
  }

  undurable(descriptor: number): Set<object> {
    const { ino } = fstatSync(descriptor)
    const known = this.#undurable.get(ino) ?? new Set()
    this.#undurable.set(ino, known)
    return known
  }

  /** One of the calls in the thread pool ends; false when there is none. */
  endOne(): boolean {
    const [end] = this.#underWay.splice(this.#random.below(this.#underWay.length), 1)
    end?.()
    return end !== undefined
  }

  install(): void {
    const changed = (descriptor: number) => {
      if (!this.#passing.has(descriptor)) this.undurable(descriptor).add({})
    }
    Object.assign(fs, {
      openSync: (path: string, flags: number, mode?: number) => {
        const descriptor = system.openSync(path, flags, mode)
        this.#passing.delete(descriptor)
        if ((flags & fs.constants.O_DSYNC) !== 0) this.#passing.add(descriptor)
        this.takesDirect ||= this.#passing.has(descriptor)
        return descriptor
      },
      writeSync: (descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
        changed(descriptor)
        return system.writeSync(descriptor, bytes, offset, length, position)
      },
      ftruncateSync: (descriptor: number, sizeBytes: number) => {
        changed(descriptor)
        system.ftruncateSync(descriptor, sizeBytes)
      },
      ftruncate: (descriptor: number, sizeBytes: number, done: Called) => {
        this.#underWay.push(() => {
          changed(descriptor)
          system.ftruncateSync(descriptor, sizeBytes)
          done(null)
        })
      },
      write: (descriptor: number, bytes: Uint8Array, offset: number, length: number, at: number, done: Written) => {
        this.writesLater++
        this.#underWay.push(() => {
          changed(descriptor)
          done(null, system.writeSync(descriptor, bytes, offset, length, at))
        })
      },
      fdatasyncSync: (descriptor: number) => this.undurable(descriptor).clear(),
      fdatasync: (descriptor: number, done: Called) => {
        const undurable = this.undurable(descriptor)
        const covered = [...undurable]
        this.#underWay.push(() => {
          for (const change of covered) undurable.delete(change)
          done(null)
        })
      },
    })
    syncBuiltinESMExports()
  }
}

function uninstall(): void {
  Object.assign(fs, system)
  syncBuiltinESMExports()
}

const scratch = fs.mkdtempSync(join(tmpdir(), 'covers-'))
test.after(() => {
  uninstall()
  fs.rmSync(scratch, { recursive: true })
})

/** What it wrote is there and needs no flush once it is done. */
async function writtenDurably(
  file: NodeFile,
  bytes: Uint8Array,
  random: Random,
  undurable: Set<object>,
): Promise<void> {
  const position = 512 * random.below(4)
  const sizeBytes = random.chance(0.8) ? 512 : 100
  const older = new Set(undurable)
  const done = file.writeDurably(bytes.subarray(0, sizeBytes), position)
  const own = [...undurable].filter((change) => !older.has(change))
  await done
  assert.not(own.some((change) => undurable.has(change)))
}

/** The number of writes that went to another thread, where the file system takes direct ones at all. */
async function life(seed: number): Promise<number | undefined> {
  const random = new Random(seed)
  const watched = new Watched(random)
  watched.install()
  const shared = { place: new FlushPlace(), share: new PoolShare(), copy: new AlignedCopy() }
  // On a page, as the kernel's memory is: only such bytes may pass the cache by.
  const bytes = new Uint8Array(new WebAssembly.Memory({ initial: 5 }).buffer)
  const files = Array.from({ length: FILES }, (_, index) => {
    const descriptor = fs.openSync(join(scratch, `${seed}-${index}`), fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600)
    return { descriptor, file: new NodeFile(`${index}`, scratch, descriptor, shared, () => {}) }
  })
  const waits: (void | Promise<void>)[] = []
  for (let step = 0; step < STEPS; step++) {
    const { descriptor, file } = files[random.below(FILES)] as (typeof files)[number]
    const size = file.size()
    const what = random.below(16)
    if (what < 4)
      file.write(bytes.subarray(0, random.chance(0.5) ? 512 : random.below(300_000)), random.chance(0.5) ? size : 0)
    else if (what === 4) file.truncate(Math.floor(size / 2))
    else if (what < 7) waits.push(file.cut(size))
    else if (what >= 14) waits.push(writtenDurably(file, bytes.fill(step), random, watched.undurable(descriptor)))
    else if (what < 10) {
      watched.endOne()
      await new Promise((resolve) => setImmediate(resolve))
    } else {
      const undurable = watched.undurable(descriptor)
      const before = [...undurable]
      const assertCovered = () =>
        assert.not(
          before.some((change) => undurable.has(change)),
          `seed ${seed}, step ${step}`,
        )
      const flushing = file.flush()
      if (flushing === undefined) assertCovered()
      else waits.push(flushing.then(assertCovered))
    }
  }
  const isOver = Promise.all(waits)
  while (watched.endOne()) await new Promise((resolve) => setImmediate(resolve))
  await isOver
  for (const { file } of files) file.close()
  return watched.takesDirect ? watched.writesLater : undefined
}

test('whatever comes in between, a flush covers what was done before it', async () => {
  let onThreads: number | undefined
  for (let seed = 1; seed <= SEEDS; seed++) {
    const later = await life(seed)
    if (later !== undefined) onThreads = (onThreads ?? 0) + later
  }
  assert.is.not(onThreads, 0, 'direct writes are taken, and none went to another thread')
})

test.run()
