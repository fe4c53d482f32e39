// Text with half a surrogate pair has no UTF-8 form. On its way to the holder it became other text: two groups of an
// attached process shared their offsets, and one was deleted by the name of another.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, LogError, open } from '../../bindings/entry/node.ts'

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-malformed-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

const HALF = 'g\ud800'
const REPLACED = 'g\ufffd'

/** What a log refuses such names with. */
async function refusals(log: EmbeddedLog): Promise<(string | undefined)[]> {
  const at = { groupId: HALF, topics: ['t'] }
  const next = (records: AsyncIterable<unknown>) => records[Symbol.asyncIterator]().next()
  const refused = [
    () => next(log.consumer(at)),
    () => next(log.shareConsumer(at)),
    () => log.producer({ transactionalId: HALF }).transaction(async () => {}),
    () => log.admin.deleteGroup(HALF),
    () => log.admin.deleteShareGroup(HALF),
    () => log.admin.describeGroup(HALF),
    () => log.admin.abortTransaction(HALF),
    () => log.admin.fenceProducers([HALF]),
    () => log.admin.createTopic(HALF),
  ]
  const codes: (string | undefined)[] = []
  for (const call of refused) {
    const error = await call().then(
      () => undefined,
      (refusal: unknown) => refusal,
    )
    codes.push(LogError.is(error) ? error.code : undefined)
  }
  return codes
}

test('names of half a surrogate pair are refused through an attached process as in its holder, and stand for no other', async () => {
  const holder = await open(root)
  const attached = await open(root)
  assert.is(attached.role, 'attached')
  await holder.admin.createTopic('t')
  await holder.producer().send({ topic: 't', value: 'x' })
  const consumer = holder.consumer({ groupId: REPLACED, topics: ['t'] })
  for await (const record of consumer) {
    await consumer.commit(record)
    break
  }
  await consumer.close()
  const transactional = holder.producer({ transactionalId: REPLACED })
  await transactional.transaction(async (transaction) => {
    await transaction.send({ topic: 't', value: 'y' })
  })
  const inHolder = await refusals(holder)
  assert.equal(inHolder.slice(0, 4), ['INVALID_GROUP_ID', 'INVALID_GROUP_ID', 'INVALID_REQUEST', 'GROUP_ID_NOT_FOUND'])
  assert.equal(await refusals(attached), inHolder)
  const [offset] = (await attached.admin.describeGroup(REPLACED)).offsets
  assert.is(offset?.nextOffset, 1)
  await transactional.transaction(async () => {})
  await attached.close()
  await holder.close()
})

test.run()
