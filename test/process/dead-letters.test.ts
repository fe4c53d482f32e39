// A record that fails every try: a dead letter, or the end of its processor.

import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/entry/node.ts'
import { test } from '../client/stores.ts'
import { until } from '../until.ts'
import { opened, payments, receipts, values } from './support.ts'

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
  const told = ['topic', 'group', 'error', 'attempts'].map(header)
  assert.equal(told, ['payments', 'g', 'TypeError', '3'])
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
  await until(() => attempts.length === 3)
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
  assert.match(slow[0]?.message ?? '', /payments-0 from offset 0 on are too many for the maxPollIntervalMs of 40:.*"g"/)
})

for (const delivery of ['exactly-once', 'at-least-once'] as const) {
  test(`${delivery}: once the group put the member out its signal aborts, which is no failure of the record; the next one is another`, async (open) => {
    const log = await opened(open, 1)
    await log.admin.createTopic('dead')
    const reasons: unknown[] = []
    const processor = log.process({
      groupId: 'g',
      topics: [payments],
      deadLetter: 'dead',
      delivery,
      maxPollIntervalMs: 40,
      async handle(_, { attempt, signal }) {
        assert.is(attempt, 1)
        assert.not(signal.aborted)
        if (reasons.length === 2) return receipts.record({ value: { account: 'x', total: 1 } })
        await new Promise<void>((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(new Error('given up'))
          })
        })
        return undefined
      },
    })
    await Promise.race([until(async () => (await values(log, receipts)).length === 1), processor.done])
    await processor.close()
    assert.equal(
      reasons.map((reason) => LogError.is(reason) && reason.code),
      ['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'],
    )
    const [end] = await log.admin.offsets([{ topic: 'dead', partition: 0 }])
    assert.is(end?.highWatermark, 0)
    await log.close()
  })
}

for (const delivery of ['exactly-once', 'at-least-once'] as const) {
  test(`${delivery}: a member that is put out while it is closed ends without an error`, async (open) => {
    const log = await opened(open, 1)
    let closing: Promise<void> | undefined
    const processor = log.process({
      groupId: 'g',
      topics: [payments],
      delivery,
      maxPollIntervalMs: 40,
      async handle(_, { signal }) {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        closing = processor.close()
        assert.ok(signal.aborted)
        throw signal.reason
      },
    })
    // The time of a poll alone keeps no program alive.
    await until(() => closing !== undefined)
    await Promise.all([processor.done, closing])
    await log.close()
  })
}

test('the topic of dead letters must take and keep them all, at the start and when it is altered or deleted', async (open) => {
  const log = await opened(open, 1)
  let tries = 0
  const start = () => {
    const handle = async () => {
      tries++
      throw new TypeError('cannot be')
    }
    const processor = log.process({ groupId: 'g', topics: [payments], deadLetter: 'dead', handle })
    return processor.done.catch((failed: unknown) => failed)
  }
  const wrong = { 'cleanup.policy': 'compact', 'max.message.bytes': 639, 'segment.bytes': 639 } as const
  await log.admin.createTopic('dead')
  for (const [key, value] of Object.entries(wrong)) {
    await log.admin.alterConfig('dead', { [key]: value })
    const error = await start()
    assert.ok(LogError.is(error, 'INVALID_CONFIG'), String(error))
    assert.equal(error.details, { topic: 'dead', key, option: 'deadLetter' })
    await log.admin.alterConfig('dead', { [key]: null })
  }
  assert.is(tries, 0)
  const changes = {
    INVALID_CONFIG: () => log.admin.alterConfig('dead', { 'max.message.bytes': 639 }),
    UNKNOWN_TOPIC_OR_PARTITION: () => log.admin.deleteTopic('dead'),
  }
  for (const [code, change] of Object.entries(changes)) {
    const cause = new TypeError('cannot be')
    const handle = async () => {
      await change()
      throw cause
    }
    const error = await log
      .process({ groupId: 'g', topics: [payments], deadLetter: 'dead', handle })
      .done.catch((failed: unknown) => failed)
    assert.ok(LogError.is(error, code), String(error))
    const { partition, offset } = error.details['record'] as { partition: number; offset: number }
    assert.equal([error.details['topic'], offset, error.cause], ['dead', 0, cause])
    assert.match(error.message, new RegExp(`offset 0 of payments-${partition}`))
    await log.admin.alterConfig('dead', { 'max.message.bytes': null }).catch(() => {})
  }
  await log.close()
})

test('the smallest topic that dead letters may have takes the largest dead letter', async (open) => {
  const log = await open()
  const name = 't'.repeat(249)
  await log.admin.createTopic(name)
  await log.admin.createTopic('dead', { config: { 'max.message.bytes': 720 } })
  await log.producer().send({ topic: name, key: 'k'.repeat(1000), value: null })
  const error = Object.assign(new Error('€'.repeat(5000)), { name: 'N'.repeat(5000) })
  const handle = async () => {
    throw error
  }
  const processor = log.process({
    groupId: 'g'.repeat(5000),
    topics: [name],
    deadLetter: 'dead',
    handle,
  })
  const letters = async () => {
    const found: string[][] = []
    for await (const { headers } of log.read('dead', { until: 'end' })) {
      found.push(
        ['group', 'error', 'error-message'].map((key) => `${Buffer.from(headers.get(`oncelog-${key}`) ?? [])}`),
      )
    }
    return found
  }
  await Promise.race([until(async () => (await letters()).length === 1), processor.done])
  await processor.close()
  assert.equal(await letters(), [['g'.repeat(64), 'N'.repeat(64), '€'.repeat(21)]])
  await log.close()
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
  await until(() => handled === 5)
  await next.close()
  await log.close()
})

test.run()
