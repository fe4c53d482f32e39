// A life crashed before its operations, and the openings after that before theirs: for lives that the enumerator's
// clients can't lead.
import * as assert from 'uvu/assert'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { CrashSignal, VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import type { VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'
import { JudgedImages, knowledge } from './judged-images.ts'

/** `K`: what is known of the life, for who judges; in fields that `knowledge` sees. */
export interface Life<K> {
  readonly modes: readonly ImageMode[]
  /** Every so many operations of the life, and of each opening that is crashed, are a crash point. */
  readonly step: number
  readonly openingStep: number
  /** Openings of one image in so many are crashed. */
  readonly openingOf: number
  nothingKnown(): K
  /** Until its end or a CrashSignal. */
  play(disk: VirtualDisk, known: K): void
  /** The first operation that is crashed, as soon as it is known. */
  from(known: K): number
  hostOf(disk: VirtualDisk): SyncHost<VirtualDisk>
  /** What is wrong with what is left. */
  judge(image: VirtualDisk, known: K): readonly string[]
}

export interface Crashes {
  readonly points: number
  /** Those of openings that were crashed included. */
  readonly images: number
  readonly nested: number
  /** Of the images: judged before. */
  readonly duplicates: number
}

export function describeCrashes({ points, images, nested, duplicates }: Crashes): string {
  return `${points} crash points, ${images} images, ${nested} of them of openings, ${duplicates} judged before`
}

/**
 * Leads a life once and looks before each of its operations. What a look throws ends the life and is thrown here: from
 * within an operation it would be a failure of the disk, which the log answers to.
 */
export function beforeEachOperation(
  storage: VirtualStorage,
  look: (operation: number) => void,
  live: () => void,
): void {
  let failure: { readonly error: unknown } | undefined
  storage.watch = (operation) => {
    if (failure !== undefined) return
    try {
      look(operation)
    } catch (error) {
      failure = { error }
      storage.crashAt = operation
    }
  }
  untilCrash(live)
  storage.watch = undefined
  if (failure !== undefined) throw failure.error
}

export function crashEverywhere<K>(life: Life<K>): Crashes {
  const totals = { points: 0, nested: 0 }
  const judged = new JudgedImages()
  const disk = new VirtualDisk()
  const known = life.nothingKnown()
  const crash = (operation: number): void => {
    const from = life.from(known)
    if (operation < from || (operation - from) % life.step !== 0) return
    totals.points++
    const knows = knowledge(known)
    life.modes.forEach((mode, index) => {
      if (mode === 'mixed' && (operation + index) % 3 !== 0) return
      const seed = operation * 31 + index
      const place = `crash before operation ${operation}, image ${mode}, seed ${seed}`
      const image = disk.image(new Random(seed), mode)
      if (judged.isNew(image, knows)) assert.equal(life.judge(image, known), [], place)
      if ((operation + index) % life.openingOf !== 0) return
      totals.nested += crashOpening(life, { disk, mode, seed, known, knows, judged, place })
    })
  }
  beforeEachOperation(disk, crash, () => life.play(disk, known))
  assert.equal(life.judge(disk.image(new Random(1), 'none'), known), [], 'without a crash')
  const { images, duplicates } = judged
  return { ...totals, images, duplicates }
}

interface Left<K> {
  readonly disk: VirtualDisk
  readonly mode: ImageMode
  readonly seed: number
  readonly known: K
  readonly knows: string
  readonly judged: JudgedImages
  readonly place: string
}

/** Answers how many times. */
function crashOpening<K>(life: Life<K>, { disk, mode, seed, known, knows, judged, place }: Left<K>): number {
  const whole = disk.image(new Random(seed), mode)
  const before = whole.operations
  const host = life.hostOf(whole)
  host.open()
  host.discard()
  let count = 0
  for (let at = 1 + (seed % life.openingStep); at <= whole.operations - before; at += life.openingStep) {
    const again = disk.image(new Random(seed), mode)
    again.crashAt = again.operations + at
    const opening = life.hostOf(again)
    untilCrash(() => opening.open())
    opening.discard()
    const next: ImageMode = at % 2 === 0 ? 'kill' : 'mixed'
    count++
    const image = again.image(new Random(seed + at), next)
    if (!judged.isNew(image, knows)) continue
    assert.equal(life.judge(image, known), [], `${place}, operation ${at} of the opening, then ${next}`)
  }
  return count
}

export function untilCrash(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof CrashSignal)) throw error
  }
}
