// A program that awaits answers which come at once, one after the other, doesn't keep all else in its process from running.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMemory } from '../../bindings/entry/node.ts'

/** Many times what a thousandth of a second has room for, and fewer than the offsets of a ceiling, whose raise waits for the store. */
const CALLS = 40_000

async function callsUntil(isOver: () => boolean, call: () => Promise<unknown>): Promise<number> {
  let calls = 0
  while (!isOver() && calls < CALLS) {
    await call()
    calls++
  }
  return calls
}

test('a timer runs beside awaited sends with acks 1', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  const producer = log.producer({ acks: 1 })
  let isTold = false
  const timer = setTimeout(() => {
    isTold = true
  }, 0)
  const calls = await callsUntil(
    () => isTold,
    () => producer.send({ topic: 't', value: 'x' }),
  )
  clearTimeout(timer)
  assert.ok(calls < CALLS, `${calls} sends, and none of them let it`)
  await log.close()
})

test('a timer runs beside the reading of records in memory', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  const sends = Array.from({ length: CALLS / 500 }, () =>
    Array.from({ length: 500 }, () => ({ topic: 't', value: 'x' })),
  )
  for (const records of sends) await log.producer().send(records)
  let isTold = false
  const timer = setTimeout(() => {
    isTold = true
  }, 0)
  let before = 0
  for await (const _ of log.read('t', { until: 'end' })) if (!isTold) before++
  clearTimeout(timer)
  assert.ok(before < CALLS, `it came behind all ${before} records`)
  await log.close()
})

test('a timer runs beside the reading of single records out of the cache', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'x' })
  let isTold = false
  const timer = setTimeout(() => {
    isTold = true
  }, 0)
  const calls = await callsUntil(
    () => isTold,
    () => log.get('t', { partition: 0, offset: 0 }),
  )
  clearTimeout(timer)
  assert.ok(calls < CALLS, `${calls} records, and none of them let it`)
  await log.close()
})

test.run()
