/**
 * Transactions that stand behind damage in the same extent: a reader that begins after the damage gets their records
 * only once they are committed.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../damage/directory-image.ts'
import { batchesOf } from './batches.ts'
import { openImage } from './fixture.ts'

const FIRST = 't-0/00000000000000000000.log'
/** Three of them are larger than a frame. */
const LARGE = 'x'.repeat(250_000)

type End = 'abort' | 'commit' | undefined

/** Offsets 1 to 3 are an extent, and 3 is a transaction's. The record at 1 is damaged. */
async function killedAfter(end: End): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const before = await openImage(image)
  await before.admin.createTopic('t')
  await before.producer({ acks: 1 }).send({ topic: 't', value: 'noted' })
  await before.close()
  const log = await openImage(image)
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  const plain = log.producer({ acks: 1 })
  for (let index = 0; index < 2; index++) await plain.send({ topic: 't', value: LARGE })
  await transaction.send({ topic: 't', value: LARGE })
  await log.producer().send({ topic: 't', value: 'framed' })
  if (end !== undefined) await transaction[end]()
  const left = image.fork()
  if (end === undefined) await transaction.abort()
  await log.close()
  const [, { position = 0 } = {}] = batchesOf(left).get('t-0') ?? []
  const bytes = left.files.get(FIRST)?.bytes().slice() ?? new Uint8Array()
  bytes[position + 5000] = (bytes[position + 5000] ?? 0) ^ 1
  left.open(FIRST, { create: false })?.write(bytes, 0)
  return left
}

const VISIBLE: readonly (readonly [End, readonly number[]])[] = [
  ['commit', [2, 3, 4]],
  ['abort', [2, 4]],
  [undefined, [2]],
]

for (const [end, visible] of VISIBLE) {
  test(`${end ?? 'no decision'}: committed readers are shown ${visible}, at the next open too`, async () => {
    const image = await killedAfter(end)
    for (const open of ['first', 'second']) {
      const log = await openImage(image)
      assert.equal(
        log.recovery.readOnly.map(({ damage }) => damage?.offset),
        [1],
        open,
      )
      const offsets: number[] = []
      const from = [{ topic: 't', partition: 0, nextOffset: 2 }]
      for await (const { offset } of log.read('t', { from, isolationLevel: 'read_committed', until: 'end' }))
        offsets.push(offset)
      assert.equal(offsets, visible, open)
      await log.close()
    }
  })
}

test('an index of aborted transactions that is lost is learned behind the damage too', async () => {
  const image = await killedAfter('abort')
  await (await openImage(image)).close()
  const indexes = image.paths.filter((path) => path.endsWith('.txnindex'))
  assert.is(indexes.length, 1)
  for (const path of indexes) image.remove(path)
  const log = await openImage(image)
  const offsets: number[] = []
  const from = [{ topic: 't', partition: 0, nextOffset: 2 }]
  for await (const { offset } of log.read('t', { from, isolationLevel: 'read_committed', until: 'end' }))
    offsets.push(offset)
  await log.close()
  assert.equal(offsets, [2, 4])
})

test.run()
