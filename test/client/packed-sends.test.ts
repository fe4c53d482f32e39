// Calls that are a batch by themselves go to a log in another process in one piece, which is made while `send` runs and
// can be sent again.
import { rmSync } from 'node:fs'
import { open } from 'oncelog'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Sender } from '../../bindings/client/producer/producer-type.ts'
import type { ProducerRecord } from '../../bindings/client/producer-record.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { scratchDirectory } from '../scratch.ts'
import { gate, type Setup, setup, text } from './support.ts'

const home = scratchDirectory('packed-sends')
test.after(() => rmSync(home, { recursive: true, force: true }))

const COUNT = 40
const filler = 'x'.repeat(1000)

function list(name: string, rest: string = filler): ProducerRecord[] {
  return Array.from({ length: COUNT }, (_, at) => ({ topic: 't', value: `${name} ${at} ${rest}` }))
}

/** Sends, and uses the list and its records again at once. */
function sendAndReuse(sender: Sender, records: ProducerRecord[]): Promise<unknown> {
  const sent = sender.send(records)
  for (const record of records) record.value = 'used again'
  records.length = 1
  return sent
}

/** Its partition knows the producer. */
async function elsewhere(): Promise<Setup & { readonly producer: Sender }> {
  const made = setup()
  made.broker.isElsewhere = true
  const producer = made.log.producer()
  await producer.send({ topic: 't', value: 'known' })
  return { ...made, producer }
}

const valuesOf = (...names: readonly string[]) => names.flatMap((name) => list(name).map(({ value }) => value))

test('what a call was given goes out, whatever its program does with it afterwards', async () => {
  const { broker, producer } = await elsewhere()
  await sendAndReuse(producer, list('a'))
  assert.equal(broker.packed, [COUNT])
  assert.equal(broker.texts('t').slice(1), valuesOf('a'))
})

test('keys and values are bytes, text of any script, empty, or none', async () => {
  const { broker, producer } = await elsewhere()
  const fields = [new Uint8Array([0, 255]), 'plain', '\u00e4\u20ac\ud83d\ude00', '', null]
  const records = fields.flatMap((key) => fields.map((value) => ({ topic: 't', key, value })))
  await producer.send([...records, { topic: 't', value: 'x'.repeat(20_000) }])
  assert.equal(broker.packed, [records.length + 1])
  const batch = broker.partition({ topic: 't', partition: 0 }).batches[1]
  const bytes = (field: Uint8Array | string | null) => (field === null ? null : Buffer.from(field))
  records.forEach(({ key, value }, index) => {
    assert.equal(
      [batch?.keyOf(index), batch?.valueOf(index)].map((field) => field && Buffer.from(field)),
      [bytes(key), bytes(value)],
    )
  })
})

test('a batch whose answer leaves open whether it is written is sent again, under its sequence', async () => {
  const { broker, producer, port } = await elsewhere()
  broker.fault = (_, count) => (count === 1 ? { kind: 'drop' } : count === 2 ? { kind: 'lose' } : undefined)
  const sent = sendAndReuse(producer, list('a'))
  await port.advance(10)
  await port.advance(20)
  await sent
  assert.equal(broker.packed, [COUNT, COUNT, COUNT])
  assert.equal(broker.texts('t').slice(1), valuesOf('a'))
})

test('a batch after one that was refused waits for its turn, and gets the sequence that is free', async () => {
  const { broker, producer } = await elsewhere()
  const error = new LogError('INVALID_TIMESTAMP', 'refused')
  broker.fault = (_, count) => (count === 1 ? { kind: 'refuse', error } : undefined)
  const refused = producer.send(list('refused'))
  const behind = [sendAndReuse(producer, list('a')), sendAndReuse(producer, list('b'))]
  const why: unknown = await refused.catch((reason: unknown) => reason)
  assert.ok(LogError.is(why, 'INVALID_TIMESTAMP'))
  await Promise.all(behind)
  assert.equal(broker.texts('t').slice(1), valuesOf('a', 'b'))
})

test('what is sent while such batches wait for their turn once more has a batch of its own', async () => {
  const { broker, producer } = await elsewhere()
  // Half of a batch each, so that there would be room for more.
  const half = (name: string) => list(name, 'x'.repeat(500)).slice(0, 16)
  const { opened, open: openGate } = gate()
  // It forgets the producer with that, so the next batch goes alone.
  const error = new LogError('UNKNOWN_TOPIC_OR_PARTITION', 'refused')
  broker.fault = (_, count) => (count === 1 ? { kind: 'refuse', error } : { kind: 'hold', until: opened })
  const refused = producer.send(half('refused'))
  const behind: Promise<unknown>[] = [producer.send(half('a')), producer.send(half('b'))]
  const why: unknown = await refused.catch((reason: unknown) => reason)
  assert.ok(LogError.is(why, 'UNKNOWN_TOPIC_OR_PARTITION'))
  behind.push(producer.send({ topic: 't', value: 'alone' }))
  openGate()
  await Promise.all(behind)
  const written = [...half('a'), ...half('b')].map(({ value }) => value)
  assert.equal(broker.texts('t').slice(1), [...written, 'alone'])
})

test('no more than five batches of a partition are unanswered', async () => {
  const { broker, producer } = await elsewhere()
  const { opened, open: openGate } = gate()
  broker.fault = () => ({ kind: 'hold', until: opened })
  const sent = Array.from({ length: 8 }, (_, at) => sendAndReuse(producer, list(`call ${at}`)))
  await Promise.resolve()
  assert.is(broker.appends.length, 6)
  openGate()
  await Promise.all(sent)
  assert.equal(broker.texts('t').slice(1), valuesOf(...Array.from({ length: 8 }, (_, at) => `call ${at}`)))
})

// Its getter is read once for the check, once for its size, and a third time to be packed.
for (const read of [1, 2, 3]) {
  const made = (act: (records: ProducerRecord[]) => void): ProducerRecord[] => {
    const records = list('a')
    let reads = 0
    const get = () => {
      if (++reads === read) act(records)
      return `a 20 ${filler}`
    }
    Object.defineProperty(records[20], 'value', { enumerable: true, get })
    return records
  }

  test(`a record that has others sent when it is read, for the ${read}. time: all are written, each once`, async () => {
    const { broker, producer } = await elsewhere()
    const inner: Promise<unknown>[] = []
    const act = () => {
      for (let call = 0; call < 6; call++) inner.push(producer.send(list(`inner ${call}`)))
    }
    const { opened, open: openGate } = gate()
    broker.fault = () => ({ kind: 'hold', until: opened })
    inner.push(producer.send(made(act)))
    await Promise.resolve()
    assert.ok(broker.appends.length <= 6, 'five of them unanswered')
    openGate()
    await Promise.all(inner)
    const names = ['a', ...Array.from({ length: 6 }, (_, at) => `inner ${at}`)]
    assert.equal(broker.texts('t').slice(1).sort(), valuesOf(...names).sort())
    assert.ok(broker.appends.every(({ records }) => records.length === COUNT || records.length === 1))
  })

  test(`a record that takes another from its list when it is read, for the ${read}. time: what is answered is written`, async () => {
    const { broker, producer } = await elsewhere()
    const answers: readonly unknown[] = await producer.send(made((records) => records.pop()))
    assert.is(broker.texts('t').length, 1 + answers.filter((answer) => answer !== undefined).length)
    assert.not.ok(answers.includes(undefined), 'an answer for each')
  })
}

test('an attached process reads what it sent, in its order', async () => {
  const logs = [await open(home), await open(home)]
  const [holder, attached] = logs
  await holder?.admin.createTopic('t')
  const producer = attached?.producer({ acks: 1 })
  assert.ok(attached && producer)
  await producer.send({ topic: 't', value: 'known' })
  const names = Array.from({ length: 20 }, (_, at) => `call ${at}`)
  await Promise.all(names.map((name) => sendAndReuse(producer, list(name))))
  const seen: (string | undefined)[] = []
  for await (const { value } of attached.read('t', { until: 'end' })) seen.push(text(value) ?? undefined)
  assert.equal(seen, ['known', ...valuesOf(...names)])
  for (const log of logs.reverse()) await log.close()
})

test.run()
