/**
 * A log with everything in it is harmed at places that a seed chooses, and salvaged. An independent reading of the
 * files decides what must be in the copy: every batch that no harm touched, byte for byte at its offset; nothing else;
 * and the list of what is missing names just that. Some seeds here; more: `node --import tsx
 * test/salvage/random.test.ts 500 1`, from seed 1 on.
 */
import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SalvageReport } from '../../bindings/log/salvage/salvage.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import type { DirectoryImage } from '../damage/directory-image.ts'
import { batchesOf, type PlainBatch } from './batches.ts'
import { type Expected, expectedOf, joined, type Range } from './expected.ts'
import { COMPACTED, fullImage, killedImage, openImage } from './fixture.ts'
import { hurtAt } from './hurts.ts'
import { salvaged, verified } from './run.ts'

const [count = '24', first = '1'] = process.argv.slice(2).filter((word) => /^\d+$/.test(word))
interface Original {
  readonly image: DirectoryImage
  /** As of its newest checkpoint. */
  readonly closed: DirectoryImage
}

const [one, two] = [await fullImage(1), await fullImage(2)]
const originals: readonly Original[] = [
  { image: one, closed: one },
  { image: two, closed: two },
  { image: await killedImage(two, 3), closed: two },
]
const LATE_START = 25

for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  test(`seed ${seed}`, async () => {
    const { image: original, closed } = originals[seed % originals.length] as Original
    const random = new Random(seed)
    const damaged = original.fork()
    const hurts = Array.from({ length: 1 + random.below(3) }, () => hurtAt(damaged, random))
    const { copy, report } = await salvaged(damaged.fork())
    const told = hurts.map(({ what }) => what).join('; ')
    const isHarmed = harmIn(damaged, closed)
    for (const [directory, batches] of batchesOf(original)) {
      const expected = expectedOf(batches, isHarmed, directory === 'late-0' ? LATE_START : 0)
      checkPartition(directory, expected, copy, report, told)
    }
    assert.equal((await verified(copy)).damage, [], told)
    await checkOpens(copy, original, told)
    assert.equal((await verified(copy)).damage, [], `closed again: ${told}`)
  })
}

/**
 * A bit that a harm left as it was is no harm, nor is what happened to the last sector of the last segment that the
 * checkpoint knows: it has that, and of all after it frames have copies.
 */
function harmIn(damaged: DirectoryImage, closed: DirectoryImage): (batch: PlainBatch) => boolean {
  const healed = new Map<string, Uint8Array>()
  return (batch) => {
    const { file, position, end, bytes } = batch
    if (end > (closed.files.get(file)?.sizeBytes ?? 0)) return false
    let found = healed.get(file)
    if (found === undefined) {
      found = healedBytes(damaged, closed, file)
      healed.set(file, found)
    }
    return !bytes.equals(found.subarray(position, end))
  }
}

function healedBytes(damaged: DirectoryImage, closed: DirectoryImage, file: string): Uint8Array {
  const found = damaged.files.get(file)?.bytes()
  const whole = closed.files.get(file)?.bytes() ?? new Uint8Array()
  const isLast =
    closed.paths.filter((path) => path.startsWith(file.slice(0, -24)) && path.endsWith('.log')).at(-1) === file
  const sector = Math.floor(whole.length / 512) * 512
  if (found === undefined || !isLast || found.length < sector) return found ?? new Uint8Array()
  return Buffer.concat([found.subarray(0, sector), whole.subarray(sector)])
}

function checkPartition(
  directory: string,
  expected: Expected,
  copy: DirectoryImage,
  { losses }: SalvageReport,
  told: string,
): void {
  const isOfCatalogue = directory.startsWith('__oncelog_catalogue')
  // Where some of its records are lost they are written anew.
  if (isOfCatalogue && expected.missing.length > 0) return
  const copied = batchesOf(copy).get(directory) ?? []
  const place = ({ baseOffset, bytes }: PlainBatch) =>
    `${baseOffset} ${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}`
  assert.equal(copied.map(place), expected.kept.map(place), `${directory}: ${told}`)
  const own = losses.filter(({ topic, partition }) => `${topic}-${partition}` === directory)
  const listed = (kind: string) => own.filter((each) => each.kind === kind) as readonly Range[]
  const missing = joined(listed('missing'))
  if (directory === `${COMPACTED}-0` || directory.startsWith('__')) {
    // Compaction had removed offsets as well: nobody can tell them from those that are lost.
    const isInside = ({ offset, nextOffset }: Range, ranges: readonly Range[]) =>
      ranges.some((range) => range.offset <= offset && nextOffset <= range.nextOffset)
    assert.ok(
      expected.missing.every((range) => isInside(range, missing)),
      `${directory}: ${JSON.stringify([missing, expected.missing])} ${told}`,
    )
    const kept = expected.kept.map(({ baseOffset }) => baseOffset)
    const isKeptIn = ({ offset, nextOffset }: Range) => kept.some((each) => offset <= each && each < nextOffset)
    assert.not(missing.some(isKeptIn), `${directory}: ${told}`)
    assert.is(missing.length > 0, expected.missing.length > 0, `${directory}: ${told}`)
  } else assert.equal(missing, expected.missing, `${directory}: ${told}`)
  assert.equal(joined(listed('undecided')), expected.undecided, `${directory}: ${told}`)
}

/**
 * The copy takes records in every partition, above all that was ever there, and shows committed readers nothing that
 * they didn't see before.
 */
async function checkOpens(copy: DirectoryImage, original: DirectoryImage, told: string): Promise<void> {
  const before = await committed(original.fork())
  const log = await openImage(copy, 99)
  assert.equal(log.recovery.damage, [], told)
  assert.equal(log.recovery.readOnly, [], told)
  const producer = log.producer()
  for (const topic of await log.admin.listTopics()) {
    for (const { partition, endOffset } of log.recovery.partitions.filter((each) => each.topic === topic)) {
      const sent = await producer.send({ topic, partition, key: 'new', value: 'one' })
      assert.ok(sent.offset >= endOffset, `${topic}-${partition}: ${sent.offset} ${told}`)
      const above = (batchesOf(original).get(`${topic}-${partition}`) ?? []).at(-1)?.nextOffset ?? 0
      assert.ok(sent.offset >= above, `${topic}-${partition} goes on at ${sent.offset}: ${told}`)
    }
  }
  await log.close()
  for (const record of await committed(copy.fork())) {
    assert.ok(before.has(record) || record.endsWith(' one'), `invented: ${record.slice(0, 80)}: ${told}`)
  }
}

async function committed(image: DirectoryImage): Promise<ReadonlySet<string>> {
  const log = await openImage(image, 7)
  const seen = new Set<string>()
  for (const topic of await log.admin.listTopics()) {
    for await (const { partition, offset, value } of log.read(topic, { until: 'end' }))
      seen.add(`${topic}-${partition} ${offset} ${Buffer.from(value ?? []).toString()}`)
  }
  await log.close()
  return seen
}

test.run()
