// A rebalance has its outcome while the join still waits for the start of its partitions: that outcome comes into force
// after the join's own.
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/entry/node.ts'
import { type OpenLog, test } from './stores.ts'

const AT = { topic: 't', partition: 0 }

async function turns(): Promise<void> {
  for (let count = 0; count < 40; count++) await new Promise((resolve) => setImmediate(resolve))
}

/** A consumer whose join waits for each answer of `positions`, as a call of the program has it join. */
async function joining(open: OpenLog) {
  const log = await open()
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'first' })
  const gates: (() => void)[] = []
  const failures: Error[] = []
  const consumer = log.consumer({
    ...{ groupId: 'g', topics: ['t'] },
    async positions() {
      await new Promise<void>((resolve) => gates.push(resolve))
      if (failures.length > 0) throw failures.pop()
      return []
    },
  })
  const told: string[] = []
  for (const event of ['assigned', 'revoked', 'lost'] as const) {
    consumer.on(event, (places) => {
      told.push(`${event} ${places.map(({ partition }) => partition).join()}`)
    })
  }
  const lag = consumer.lag()
  await turns()
  const addPartition = async () => {
    await log.admin.createPartitions('t', 2)
    await turns()
  }
  const close = async () => {
    await consumer.close()
    await log.close()
  }
  return { consumer, gates, failures, told, lag, addPartition, close }
}

test('an iteration ends at once, and the join goes on for the call that waits', async (open) => {
  const { consumer, gates, told, lag, addPartition, close } = await joining(open)
  const iteration = consumer[Symbol.asyncIterator]()
  const next = iteration.next()
  await turns()
  await addPartition()
  let hasEnded = false
  const returned = iteration.return?.().then(() => {
    hasEnded = true
  })
  await turns()
  assert.is(gates.length, 1)
  assert.ok(hasEnded)
  await returned
  assert.equal(await next, { done: true, value: undefined })
  gates[0]?.()
  assert.is((await lag).size, 1)
  await turns()
  gates[1]?.()
  await turns()
  assert.equal(told, ['assigned 0', 'assigned 1'])
  await close()
})

test('a signal ends an iteration at once', async (open) => {
  const { consumer, gates, lag, addPartition, close } = await joining(open)
  const abort = new AbortController()
  const next = consumer.batches({ signal: abort.signal })[Symbol.asyncIterator]().next()
  let heard: unknown
  next.catch((error: unknown) => {
    heard = error
  })
  await turns()
  await addPartition()
  abort.abort(new Error('given up'))
  await turns()
  assert.is(heard, abort.signal.reason)
  gates[0]?.()
  await lag
  await close()
})

test('a seek between both outcomes stays', async (open) => {
  const { consumer, gates, told, lag, addPartition, close } = await joining(open)
  await addPartition()
  assert.is(gates.length, 1)
  gates[0]?.()
  await lag
  await consumer.seek({ ...AT, nextOffset: 1 })
  await turns()
  gates[1]?.()
  await turns()
  assert.is(consumer.position(AT), 1)
  assert.equal(told, ['assigned 0', 'assigned 1'])
  await close()
})

test('an iteration that begins with an outcome has its records once both are in force', async (open) => {
  const { consumer, gates, told, lag, addPartition, close } = await joining(open)
  await addPartition()
  const next = consumer[Symbol.asyncIterator]().next()
  await turns()
  assert.is(gates.length, 1)
  gates[0]?.()
  await lag
  await turns()
  gates[1]?.()
  assert.is((await next).value?.offset, 0)
  assert.equal(told, ['assigned 0', 'assigned 1'])
  await close()
})

test('an iteration that begins meanwhile has its records without another outcome', async (open) => {
  const { consumer, gates, lag, close } = await joining(open)
  const next = consumer[Symbol.asyncIterator]().next()
  await turns()
  gates[0]?.()
  await lag
  assert.is((await next).value?.offset, 0)
  await close()
})

test('a close ends both, outcome and join', async (open) => {
  const { consumer, told, lag, addPartition, close } = await joining(open)
  const next = consumer[Symbol.asyncIterator]().next()
  await turns()
  await addPartition()
  const failed = lag.catch((error: unknown) => error)
  await close()
  assert.equal(await next, { done: true, value: undefined })
  assert.ok(LogError.is(await failed, 'CONSUMER_CLOSED'))
  assert.equal(told, [])
})

test('a join that fails is told once, whatever outcome waited for it', async (open) => {
  const { consumer, gates, failures, told, lag, addPartition, close } = await joining(open)
  const failed = lag.catch((error: unknown) => error)
  await addPartition()
  const failure = new Error('unreachable')
  failures.push(failure)
  gates[0]?.()
  assert.is(await failed, failure)
  await turns()
  const next = consumer[Symbol.asyncIterator]().next()
  await turns()
  gates[1]?.()
  assert.is((await next).value?.offset, 0)
  assert.equal(told, ['assigned 0,1'])
  await close()
})

test.run()
