// A record that fails every try: a dead letter, or the end of its processor.
import * as assert from 'uvu/assert'
import { test } from '../client/stores.ts'
import { opened, payments, receipts, until, values } from './support.ts'

test('a record that fails every try goes to the dead letters with its origin, the others go on', async (open) => {
  const log = await opened(open, 20)
  await log.admin.createTopic('dead')
  const attempts: number[] = []
  const processor = log.process({
    groupId: 'g',
    topics: [payments],
    deadLetter: 'dead',
    retries: 2,
    async handle(record, { attempt }) {
      if (record.value?.amount !== 7) return receipts.record({ value: { account: 'x', total: 1 } })
      attempts.push(attempt)
      throw new TypeError('cannot be')
    },
  })
  await until(async () => (await values(log, receipts)).length === 19)
  await processor.close()
  assert.equal(attempts, [1, 2, 3])
  const letters = []
  for await (const letter of log.read('dead', { until: 'end' })) letters.push(letter)
  const [letter, ...others] = letters
  assert.is(others.length, 0)
  const header = (name: string) => Buffer.from(letter?.headers.get(`oncelog-${name}`) ?? []).toString()
  assert.is(Buffer.from(letter?.value ?? []).toString(), '{"account":"a7","amount":7}')
  assert.equal([header('topic'), header('error'), header('attempts')], ['payments', 'TypeError', '3'])
  assert.is(header('error-message'), 'cannot be')
  await log.close()
})

test('dead letters fit into their topic, whatever the record and the error are', async (open) => {
  const log = await open()
  await log.admin.createTopic('in')
  await log.admin.createTopic('dead', { config: { 'max.message.bytes': 4000 } })
  const long = 'x'.repeat(3900)
  const inputs = [
    { topic: 'in', key: 'small', value: 'v', headers: { own: '1' } },
    { topic: 'in', key: 'large', value: long, headers: { own: '1' } },
    { topic: 'in', key: long, value: 'v' },
    { topic: 'in', key: 'hostile', value: 'v' },
  ]
  await log.producer().send(inputs)
  const hostile = new Proxy(new Error('no'), {
    get() {
      throw new Error('nor this')
    },
  })
  const errors = [new Error(`\ud800${'€'.repeat(400_000)}`), Object.create(null), new Error('no'), hostile]
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    deadLetter: 'dead',
    async handle({ offset }) {
      throw errors[offset]
    },
  })
  const letters = async () => {
    const found = []
    for await (const { key, value, headers } of log.read('dead', { until: 'end' })) {
      const text = (bytes: Uint8Array | null | undefined) => bytes && Buffer.from(bytes).toString()
      const names = ['own', 'oncelog-offset', 'oncelog-omitted', 'oncelog-error-message']
      found.push([text(key), text(value), ...names.map((name) => text(headers.get(name)))])
    }
    return found
  }
  await until(async () => (await letters()).length === inputs.length)
  await processor.close()
  assert.equal(await letters(), [
    ['small', 'v', '1', '0', undefined, `\ufffd${'€'.repeat(340)}`],
    ['large', null, undefined, '1', 'value, headers', 'a value of type object'],
    [null, null, undefined, '2', 'key, value, headers', 'no'],
    ['hostile', 'v', undefined, '3', undefined, 'a value of type object'],
  ])
  await log.close()
})

test('a record that alone takes longer than maxPollIntervalMs comes again, as a first try and as no dead letter; a warning tells', async (open) => {
  const log = await opened(open, 1)
  await log.admin.createTopic('dead')
  const warnings: (Error & { code?: string })[] = []
  const warned = (warning: Error) => warnings.push(warning)
  process.on('warning', warned)
  const attempts: number[] = []
  let takesMs = 120
  const processor = log.process({
    groupId: 'g',
    topics: [payments],
    deadLetter: 'dead',
    maxPollIntervalMs: 40,
    async handle(_, { attempt }) {
      attempts.push(attempt)
      await new Promise((resolve) => setTimeout(resolve, takesMs))
      return receipts.record({ value: { account: 'x', total: attempts.length } })
    },
  })
  await until(async () => attempts.length === 3)
  takesMs = 0
  await until(async () => (await values(log, receipts)).length === 1)
  await processor.close()
  assert.ok(attempts.length > 3 && attempts.every((attempt) => attempt === 1), String(attempts))
  const [end] = await log.admin.offsets([{ topic: 'dead', partition: 0 }])
  assert.is(end?.highWatermark, 0)
  await log.close()
  process.off('warning', warned)
  const slow = warnings.filter(({ code }) => code === 'PROCESS_TOO_SLOW')
  assert.ok(slow.length >= 3, String(slow.length))
  assert.match(slow[0]?.message ?? '', /payments-0 from offset 0 on are more than the maxPollIntervalMs of 40:.*"g"/)
})

test('without dead letters the processor gives up, and what it did not finish is there for the next one', async (open) => {
  const log = await opened(open, 5)
  const failing = log.process({
    groupId: 'g',
    topics: [payments],
    async handle() {
      throw new RangeError('no')
    },
  })
  const error = await failing.done.catch((failed: unknown) => failed)
  assert.ok(error instanceof RangeError)
  let handled = 0
  const next = log.process({
    groupId: 'g',
    topics: [payments],
    async handle() {
      handled++
    },
  })
  await until(async () => handled === 5)
  await next.close()
  await log.close()
})

test.run()
