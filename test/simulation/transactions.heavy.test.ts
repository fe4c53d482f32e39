// Transactions over several partitions with offsets, crashed before every operation of the disk or the database: all or
// nothing, nothing aborted visible, nobody held back, and a commit that is asked again answers what is to be seen. Then
// each mechanism taken out.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { VirtualRows, type VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'
import { beforeEachOperation, untilCrash } from './crash-everywhere.ts'
import { JudgedImages, knowledge } from './judged-images.ts'
import { TRANSACTION_FAULTS } from './transaction-faults.ts'
import { emptyHistory, type History, judge, LIVES, type Life, live } from './transaction-life.ts'

const MODES: readonly ImageMode[] = ['kill', 'none', 'all', 'torn', 'mixed']
const SMALL = LIVES['small transactions']
const LARGE = LIVES['transactions that spill']

interface Found {
  points: number
  images: number
  /** Of them: judged before. */
  duplicates: number
  readonly wrong: string[]
}

function explore(
  life: Life,
  seed: number,
  every: number,
  stopAtFirst: boolean,
  empty: () => VirtualStorage = () => new VirtualDisk(),
): Found {
  const found: Found = { points: 0, images: 0, duplicates: 0, wrong: [] }
  const judged = new JudgedImages()
  const disk = empty()
  const history = emptyHistory()
  const crash = (operation: number): void => {
    if ((operation - 1) % every !== 0) return
    found.points++
    const known = knowledge(history)
    for (const mode of MODES) {
      const image = disk.image(new Random(operation), mode)
      const place = `operation ${operation}, image ${mode}`
      const isNew = judged.isNew(image, known)
      const again = (operation + MODES.indexOf(mode)) % 7 === 0 ? recoveryCrashed(image, operation) : undefined
      const nested = again !== undefined && judged.isNew(again, known) ? wrongIn(again, history) : []
      found.wrong.push(...nested.map((what) => `${place}, recovery crashed: ${what}`))
      if (isNew) found.wrong.push(...wrongIn(image, history).map((what) => `${place}: ${what}`))
      if (!stopAtFirst || found.wrong.length === 0) continue
      disk.crashAt = operation
      return
    }
  }
  beforeEachOperation(disk, crash, () => live(disk, life, history, seed))
  return Object.assign(found, { images: judged.images, duplicates: judged.duplicates })
}

/** What the engine throws by itself is wrong too. */
function wrongIn(image: VirtualStorage, history: History): string[] {
  try {
    return judge(image, history)
  } catch (error) {
    return [`it threw ${String(error)}`]
  }
}

/** Recovery is crashed as well, at one operation. */
function recoveryCrashed(image: VirtualStorage, seed: number): VirtualStorage {
  const again = image.image(new Random(seed), 'all')
  again.crashAt = again.operations + 1 + (seed % 23)
  const host = new SyncHost(again)
  try {
    untilCrash(() => host.open())
  } finally {
    host.discard()
  }
  return again.image(new Random(seed + 1), 'mixed')
}

for (const [name, life, every, empty] of [
  ['small transactions', SMALL, 1, () => new VirtualDisk()],
  ['transactions that spill', LARGE, 2, () => new VirtualDisk()],
  ['small transactions over rows', SMALL, 1, () => new VirtualRows()],
] as const) {
  test(`${name}: whatever the crash, all or nothing`, () => {
    for (const seed of [1, 2]) {
      const { points, images, duplicates, wrong } = explore(life, seed, every, true, empty)
      assert.equal(wrong, [])
      assert.ok(points > 50 && images > 250, `${points} points, ${images} images`)
      console.log(
        `COUNTED: ${name}, seed ${seed}: ${points} crash points, ${images} images, ${duplicates} of them judged before`,
      )
    }
  })
}

for (const { name, inCode, life } of TRANSACTION_FAULTS) {
  test(`planted: ${name}`, () => {
    const mend = inCode?.()
    try {
      const { images, wrong } = explore({ ...SMALL, ...life }, 1, 3, true)
      assert.ok(wrong.length > 0, `${images} images and nothing was seen`)
      console.log(`${name}: after ${images} images: ${wrong[0]?.slice(0, 140)}`)
    } finally {
      mend?.()
    }
  })
}

test.run()
