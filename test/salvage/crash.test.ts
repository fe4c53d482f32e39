/**
 * A salvage that ends in the middle, at each of its writes, flushes and renames: the target is no log, or a whole one.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { FileStore, StoreFile } from '../../bindings/storage/file-store.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { fixtures } from '../damage/fixture.ts'
import { StillPort } from '../damage/still-port.ts'
import { batchesOf } from './batches.ts'
import { openImage } from './fixture.ts'
import { salvaged, salvagedInto } from './run.ts'

class Ended extends Error {}

/** The store of a process that ends at its operation number `last`: nothing of that and of all later ones happens. */
function endingStore(image: DirectoryImage, last: number): FileStore & { readonly count: () => number } {
  let done = 0
  const step = <T>(work: () => T): T => {
    if (done++ >= last) throw new Ended('the process ends')
    return work()
  }
  const fileOf = (file: StoreFile): StoreFile => ({
    path: file.path,
    read: (into, position) => file.read(into, position),
    write: (bytes, position) => step(() => file.write(bytes, position)),
    truncate: (sizeBytes) => step(() => file.truncate(sizeBytes)),
    size: () => file.size(),
    flush: () => step(() => file.flush()),
    close: () => file.close(),
  })
  return {
    capabilities: image.capabilities,
    open(path, options) {
      const found =
        image.open(path, { create: false }) ?? (options.create ? step(() => image.open(path, options)) : undefined)
      return found && fileOf(found)
    },
    list: (directory) => image.list(directory),
    rename: (from, to) => step(() => image.rename(from, to)),
    remove: (path) => step(() => image.remove(path)),
    syncDirectory: () => step(() => {}),
    lock: () => image.lock(),
    close: () => image.close(),
    count: () => done,
  }
}

test('ended at any operation, a salvage leaves no log or a whole one', async () => {
  const source = (await fixtures())[0]?.image ?? new DirectoryImage()
  const whole = endingStore(new DirectoryImage(), Number.POSITIVE_INFINITY)
  await salvagedInto(source.fork(), whole)
  const expected = [...batchesOf((await salvaged(source.fork())).copy).values()].flat().length
  const outcomes: Record<string, number> = {}
  for (let last = 0; last < whole.count(); last++) {
    const target = new DirectoryImage()
    const error = await salvagedInto(source.fork(), endingStore(target, last)).catch((each: unknown) => each)
    assert.instance(error, Ended, `operation ${last}`)
    const outcome = await seen(target, expected)
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
  console.log(`  ${whole.count()} operations: ${JSON.stringify(outcomes)}`)
  assert.equal(Object.keys(outcomes).sort(), ['COPY_UNFINISHED', 'nothing yet', 'whole'])
})

async function seen(target: DirectoryImage, expected: number): Promise<string> {
  if (target.paths.length === 0) return 'nothing yet'
  const present = [...batchesOf(target).values()].flat().length
  try {
    const log = await openImage(target.fork())
    assert.equal(log.recovery.damage, [])
    await log.close()
  } catch (error) {
    if (LogError.is(error)) return error.code
    throw error
  }
  assert.is(present, expected, 'a log, but not a whole one')
  return 'whole'
}

const MODES: readonly ImageMode[] = ['none', 'all', 'kill', 'torn', 'mixed']

test('a crash before each operation, of the process or the power, and in every mode: the same', async () => {
  const source = (await fixtures())[0]?.image ?? new DirectoryImage()
  const expected = (await observed((await salvaged(source.fork())).copy)).join('\n')
  const random = new Random(1)
  const target = new VirtualDisk()
  const outcomes: Record<string, number> = {}
  const judged = new Set<string>()
  const images: VirtualDisk[] = []
  const crash = () => {
    for (const mode of MODES) {
      const image = target.image(random, mode)
      const digest = image.digest()
      if (!judged.has(digest)) images.push(image)
      judged.add(digest)
    }
  }
  target.watch = crash
  await salvagedInto(source.fork(), target)
  crash()
  for (const image of images) {
    const isEmpty = image.list('').length === 0
    const outcome = await observed(image).catch((error: unknown) => {
      if (LogError.is(error, 'COPY_UNFINISHED')) return error.code
      throw error
    })
    if (typeof outcome !== 'string' && !isEmpty) assert.is(outcome.join('\n'), expected, 'a log, but not a whole one')
    const name = isEmpty ? 'nothing yet' : typeof outcome === 'string' ? outcome : 'whole'
    outcomes[name] = (outcomes[name] ?? 0) + 1
  }
  console.log(`  ${images.length} images: ${JSON.stringify(outcomes)}`)
  assert.ok((outcomes['COPY_UNFINISHED'] ?? 0) > 50 && (outcomes['whole'] ?? 0) > 1, JSON.stringify(outcomes))
})

/** All records of all topics, as the log in a store has them. */
async function observed(store: FileStore): Promise<string[]> {
  const log = await openLog(store, new StillPort(5), {})
  const seen: string[] = log.recovery.damage.map(({ code }) => code)
  for (const topic of await log.admin.listTopics()) {
    for await (const { partition, offset, value } of log.read(topic, { until: 'end' }))
      seen.push(`${topic}-${partition} ${offset} ${Buffer.from(value ?? []).toString()}`)
  }
  await log.close()
  return seen.sort()
}

test.run()
