// Calls for one partition that are more than a batch can hold: they are cut, and each batch is encoded from the
// program's own objects as long as the log takes it at once.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Sender } from '../../bindings/client/producer/producer-type.ts'
import type { ProducerRecord } from '../../bindings/client/producer-record.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { FakePort, settle } from './fake-port.ts'
import { DRIVERS } from './stores.ts'
import { failure, gate, type Setup, setup, text } from './support.ts'

const config = { 'max.message.bytes': 20_000, 'segment.bytes': 100_000 }
const COUNT = 40
const filler = 'x'.repeat(1000)
/** How many of the records a batch holds. */
const CUT = 19

function list(name: string): ProducerRecord[] {
  return Array.from({ length: COUNT }, (_, at) => ({ topic: 't', value: `${name} ${at} ${filler}`.slice(0, 1000) }))
}

const valuesOf = (...names: readonly string[]) => names.flatMap((name) => list(name).map(({ value }) => value))

/** Its partition knows the producer. */
async function known(): Promise<Setup & { readonly producer: Sender }> {
  const made = setup({ t: { partitions: 1, config } })
  const producer = made.log.producer()
  await producer.send({ topic: 't', value: 'known' })
  return { ...made, producer }
}

/** Sends, and uses the list and its records again at once. */
function sendAndReuse(sender: Sender, records: ProducerRecord[]): Promise<readonly { offset: number }[]> {
  const sent = sender.send(records)
  for (const record of records) record.value = 'used again'
  records.length = 1
  return sent as Promise<readonly { offset: number }[]>
}

test('all of them go as they are, and each record is answered', async () => {
  const { broker, producer } = await known()
  broker.borrows = () => true
  const answers = await sendAndReuse(producer, list('a'))
  assert.equal(broker.borrowed, [CUT, CUT, COUNT - 2 * CUT])
  assert.equal(
    answers.map(({ offset }) => offset),
    Array.from({ length: COUNT }, (_, at) => at + 1),
  )
  assert.equal(broker.texts('t').slice(1), valuesOf('a'))
})

test('what one batch holds stays one, however long its text might have been as UTF-8', async () => {
  const { broker, producer } = await known()
  broker.borrows = () => true
  await producer.send(list('a').slice(0, CUT))
  await producer.send(list('a').slice(0, CUT + 1))
  assert.equal(broker.borrowed, [CUT, CUT, 1])
})

for (const taken of [1, 2]) {
  test(`when the log takes ${taken} at once, the others are copied and come after them`, async () => {
    const { broker, producer } = await known()
    let asked = 0
    broker.borrows = () => asked++ < taken
    const { opened, open } = gate()
    broker.fault = () => ({ kind: 'hold', until: opened })
    const answers = sendAndReuse(producer, list('a'))
    await settle()
    assert.equal(broker.texts('t'), ['known', ...valuesOf('a')], 'none waits for an answer')
    const behind = producer.send({ topic: 't', value: 'behind' })
    open()
    assert.equal(
      (await answers).map(({ offset }) => offset),
      Array.from({ length: COUNT }, (_, at) => at + 1),
    )
    await behind
    assert.equal(broker.borrowed, [CUT, CUT].slice(0, taken))
    assert.equal(broker.texts('t'), ['known', ...valuesOf('a'), 'behind'])
  })
}

test('a record that no batch can hold is refused before anything of the call is written', async () => {
  const { broker, producer } = await known()
  broker.borrows = () => true
  const records = list('a')
  ;(records[30] as ProducerRecord).value = 'x'.repeat(30_000)
  const { details } = await failure('MESSAGE_TOO_LARGE', () => producer.send(records))
  assert.is(details['index'], 30)
  assert.equal(broker.texts('t'), ['known'])
})

for (const isElsewhere of [false, true]) {
  test(`a record that changes after the first batch, ${isElsewhere ? 'of a log elsewhere' : 'of this process'}: the error names what was written`, async () => {
    const { broker, log } = await known()
    broker.isElsewhere = isElsewhere
    const producer = log.producer({ batchSizeBytes: 16_000 })
    await producer.send({ topic: 't', value: 'known' })
    broker.borrows = () => broker.appends.length === 2
    const records = list('a')
    const value = { enumerable: true, get: () => (broker.appends.length === 2 ? filler : 5) }
    Object.defineProperty(records[CUT + 1], 'value', value)
    const { details } = await failure('PARTIAL_SEND', () => producer.send(records))
    const results = details['results'] as { metadata?: { offset: number }; error?: { code: string } }[]
    const refused = { from: CUT, to: 2 * CUT }
    assert.equal(
      results.map(({ error }) => error?.code),
      results.map((_, at) => (at >= refused.from && at < refused.to ? 'INVALID_RECORD' : undefined)),
    )
    const written = valuesOf('a').filter((_, at) => at < refused.from || at >= refused.to)
    assert.equal(broker.texts('t').slice(2), written)
    await producer.send({ topic: 't', value: 'next' })
    assert.is(broker.texts('t').at(-1), 'next')
  })
}

for (const [store, driverOf] of Object.entries(DRIVERS)) {
  test(`${store}: what a call was given is written in its order, over the ends of segments`, async () => {
    const log = await openLog(driverOf(), new FakePort(1))
    await log.admin.createTopic('t', { config })
    const expected: unknown[] = []
    for (const acks of ['all', 1] as const) {
      const producer = log.producer({ acks })
      for (let call = 0; call < 12; call++) {
        expected.push(...valuesOf(`${acks} ${call}`))
        const sent = sendAndReuse(producer, list(`${acks} ${call}`))
        if (call % 3 === 0) assert.is((await sent).at(-1)?.offset, expected.length - 1)
      }
      await producer.flush()
    }
    const texts: unknown[] = []
    for await (const { value } of log.read('t', { until: 'end' })) texts.push(text(value))
    assert.equal(texts, expected)
    await log.close()
  })
}

test.run()
