// Somebody sets the clock, or the machine sleeps: what has a time limit has it in time that passes.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort, settle } from '../client/fake-port.ts'
import { failure } from '../client/support.ts'

const HOUR_MS = 3_600_000

for (const [how, jumpMs] of [
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
] as const) {
  test(`an hour ${how}: a transaction has its timeout all the same (P27)`, async () => {
    const port = new FakePort()
    const log = await openLog(new MemoryStore(), port)
    await log.admin.createTopic('t')
    const producer = log.producer({ transactionalId: 'id', transactionTimeoutMs: 5000 })
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'x' })
    const state = async () => (await log.admin.listTransactions())[0]?.state
    await port.advance(2000)
    port.jump(jumpMs)
    await port.advance(2900)
    assert.is(await state(), 'Ongoing')
    await port.advance(200)
    assert.is(await state(), 'CompleteAbort')
    await failure('TRANSACTION_ABORTABLE', () => transaction.commit())
    await log.close()
  })

  test(`an hour ${how}: a member has its maxPollIntervalMs all the same`, async () => {
    const port = new FakePort()
    const log = await openLog(new MemoryStore(), port)
    await log.admin.createTopic('t')
    await log.producer().send({ topic: 't', value: 'x' })
    const consumer = log.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: 5000 })
    const iteration = consumer[Symbol.asyncIterator]()
    await iteration.next()
    await port.advance(2000)
    port.jump(jumpMs)
    await port.advance(2900)
    const members = async () => (await log.admin.describeGroup('g')).members.length
    assert.is(await members(), 1)
    await port.advance(200)
    await settle()
    assert.is(await members(), 0)
    await log.close()
  })
}

test.run()
