// What `oncelog verify` tells and what it doesn't: every place where something is lost or contradicts the batches, each
// in the order of an opening, and nothing of a log that is whole, however it ended.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createKernel } from '../../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../../bindings/kernel/load-kernel.ts'
import { verifyDirectory } from '../../../bindings/log/verify/verify-directory.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { UNFINISHED_COPY } from '../../../bindings/storage/backup-target.ts'
import { runTask } from '../../../bindings/storage/run-task.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { ImageFile } from '../../damage/image-file.ts'
import { batchesOf } from '../../salvage/batches.ts'
import { openImage, writtenOut } from '../../salvage/fixture.ts'
import { verified } from '../../salvage/run.ts'

/** Two segments of `t-0`, of five and of one batch, the last one an abort's marker. */
const closed = new DirectoryImage()
const config = { 'segment.bytes': 1500, 'index.interval.bytes': 0 }
const log = await openImage(closed)
for (const topic of ['t', 'u']) await log.admin.createTopic(topic, { config })
for (let index = 0; index < 4; index++) await log.producer().send({ topic: 't', value: `${index}`.padEnd(260) })
const transaction = await log.producer({ transactionalId: 'a' }).beginTransaction()
await transaction.send({ topic: 't', value: 'aborted'.padEnd(100) })
await transaction.abort()
await log.producer().send({ topic: 'u', value: 'u' })
await log.close()

const again = closed.fork()
const later = await openImage(again)
await later.producer().send({ topic: 't', value: 'framed' })
await later.producer({ acks: 1 }).send({ topic: 'u', value: 'acks 1' })
await writtenOut()
/** A kill left it: of what came since the close only a frame knows, and of `acks: 1` only the segment. */
const killed = again.fork()
await later.close()

const [FIRST, LAST] = ['t-0/00000000000000000000', 't-0/00000000000000000005']
const batches = (batchesOf(closed).get('t-0') ?? []).filter(({ file }) => file === `${FIRST}.log`)
const third = batches[2]?.position ?? 0

function flip(path: string, at: number): (image: DirectoryImage) => void {
  return (image) => {
    const bytes = image.files.get(path)?.bytes() ?? new Uint8Array()
    bytes[at] = (bytes[at] ?? 0) ^ 1
    put(image, path, bytes)
  }
}

function put(image: DirectoryImage, path: string, bytes: Uint8Array): void {
  const file = new ImageFile()
  file.write(bytes, 0)
  image.files.set(path, file)
}

const cut = (path: string, bytes: number) => (image: DirectoryImage) =>
  image.open(path, { create: false })?.truncate(bytes)
const lose = (path: string) => (image: DirectoryImage) => {
  for (const each of image.paths) if (each.startsWith(path)) image.files.delete(each)
}
const grow = (path: string) => (image: DirectoryImage) => {
  put(image, path, Buffer.concat([image.files.get(path)?.bytes() ?? new Uint8Array(), new Uint8Array(9)]))
}

async function told(image: DirectoryImage, harm: (image: DirectoryImage) => void): Promise<readonly unknown[][]> {
  const harmed = image.fork()
  harm(harmed)
  const { damage } = await verified(harmed)
  return damage.map(({ file, position, offset, code }) => [file, position, offset, code])
}

for (const [state, image] of Object.entries({ closed, killed })) {
  test(`${state}: of a whole log nothing is told, and nothing in it is changed`, async () => {
    const looked = image.fork()
    const { damage, ...counts } = await verified(looked)
    assert.equal(damage, [])
    const found = [...batchesOf(image).values()].flat()
    const bytes = found.reduce((sum, each) => sum + each.bytes.length, 0)
    assert.equal([counts.batches, counts.bytes], [found.length, bytes])
    assert.equal(looked.paths, image.paths)
    for (const path of image.paths) assert.equal(looked.files.get(path)?.bytes(), image.files.get(path)?.bytes(), path)
  })
}

const TOLD: readonly (readonly [what: string, harm: (image: DirectoryImage) => void, ...told: unknown[][]])[] = [
  ['a record', flip(`${FIRST}.log`, third + 90), [`${FIRST}.log`, third, 2, 'bad-crc']],
  ['an offset', flip(`${FIRST}.log`, third + 7), [`${FIRST}.log`, third, 2, 'the head differs from the checkpoint']],
  ['the end of a segment', cut(`${FIRST}.log`, third), [`${FIRST}.log`, third, 2, 'shorter than the checkpoint says']],
  ['bytes past its end', grow(`${FIRST}.log`), [`${FIRST}.log`, batches.at(-1)?.end, undefined, 'bytes past its end']],
  ['a segment', lose(`${LAST}.log`), [`${LAST}.log`, 0, 5, 'is missing']],
  ['a directory', lose('t-0/'), ['t-0', 0, 0, 'is missing']],
  [
    'whose directory it is',
    flip('t-0/partition.metadata', 30),
    ['t-0/partition.metadata', 0, undefined, 'names another topic id'],
  ],
  ['an index entry', flip(`${FIRST}.index`, 7), [`${FIRST}.index`, 0, 1, 'index entry leads to no batch']],
  [
    'an aborted transaction',
    flip(`${LAST}.txnindex`, 9),
    [`${LAST}.txnindex`, 0, 5, 'entry differs from the abort markers'],
  ],
  ['a producer', flip('t-0/00000000000000000006.snapshot', 20), ['t-0/00000000000000000006.snapshot', 2]],
  ['a header', flip('journal/header', 20), ['journal/header', 0, undefined, 'a copy of the header is not whole']],
  ['the ring', cut('journal/00000000.ring', 4096), ['journal/00000000.ring', 4096]],
]

for (const [what, harm, ...places] of TOLD) {
  test(`told with its place: ${what}`, async () => {
    const found = await told(closed, harm)
    assert.equal(
      found.map((each, index) => each.slice(0, places[index]?.length)),
      places,
      JSON.stringify(found),
    )
  })
}

test('a frame that is damaged is told, and the checkpoint that is gone', async () => {
  const ring = killed.files.get('journal/00000000.ring')?.bytes() ?? new Uint8Array()
  const [frame] = await told(
    killed,
    flip(
      'journal/00000000.ring',
      ring.findLastIndex((byte) => byte !== 0),
    ),
  )
  assert.equal([frame?.[0], frame?.[3]], ['journal/00000000.ring', 'a frame that is not whole'])
  const [checkpoint] = await told(closed, lose('checkpoint/'))
  assert.equal(checkpoint, ['checkpoint', 0, undefined, 'holds no whole checkpoint'])
})

test('what stands behind one damaged batch is looked at all the same', async () => {
  const found = await told(closed, (image) => {
    for (const { position } of [batches[1], batches[3]].flatMap((each) => each ?? []))
      flip(`${FIRST}.log`, position + 90)(image)
    flip('u-0/00000000000000000000.log', 66)(image)
  })
  assert.equal(
    found.map(([file, , offset]) => [file, offset]),
    [
      [`${FIRST}.log`, 1],
      [`${FIRST}.log`, 3],
      ['u-0/00000000000000000000.log', 0],
    ],
  )
})

test('a file that is made again when it is missing is no damage', async () => {
  for (const suffix of ['index', 'timeindex', 'txnindex', 'snapshot']) {
    const lacking = (image: DirectoryImage) => {
      for (const path of image.paths) if (path.endsWith(`.${suffix}`)) image.files.delete(path)
    }
    assert.equal(await told(closed, lacking), [], suffix)
  }
  assert.equal(await told(closed, lose('t-0/leader-epoch-checkpoint')), [])
})

test('an end that a crash may have left is none: it was acknowledged to nobody, or a frame has it', async () => {
  const size = killed.files.get('u-0/00000000000000000000.log')?.sizeBytes ?? 0
  assert.equal(await told(killed, cut('u-0/00000000000000000000.log', size - 1)), [])
  assert.equal(await told(killed, grow('u-0/00000000000000000000.log')), [])
  const framed = killed.files.get(`${LAST}.log`)?.sizeBytes ?? 0
  assert.equal(await told(killed, cut(`${LAST}.log`, framed - 1)), [])
})

test('a copy that was never finished is refused: what it lacks nobody could tell', async () => {
  const image = closed.fork()
  for (const own of ['journal/', 'checkpoint/']) lose(own)(image)
  put(image, UNFINISHED_COPY, new Uint8Array())
  const error = await verified(image).catch((each: unknown) => each)
  assert.ok(LogError.is(error, 'COPY_UNFINISHED'), String(error))
})

test('how far it is is told, partition by partition', async () => {
  const steps: number[] = []
  const kernel = createKernel(loadKernelModule(), { capBytes: 64 << 20 })
  const { partitions } = await runTask(
    verifyDirectory(closed.fork(), kernel, (done, total) => steps.push(done / total)),
  )
  assert.equal(
    steps,
    [...steps].sort((a, b) => a - b),
  )
  assert.is(steps.at(-1), 1)
  assert.is(partitions, 4)
})

test.run()
