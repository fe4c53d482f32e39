/**
 * Values that JavaScript can hold and a codec or a batch may not: each comes back as it was, or is refused by a typed
 * error before anything is written; never something else in silence. What changes while a send waits harms nothing but
 * itself.
 */
import { inspect, isDeepStrictEqual } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { msgpack } from '../../bindings/entry/msgpack.ts'
import { bytes, type Codec, type EmbeddedLog, json, LogError, openMemory, topic } from '../../bindings/entry/node.ts'

const threw = new Error('the getter threw')
const circle: Record<string, unknown> = { name: 'circle' }
circle['self'] = circle

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

class Hidden {
  readonly #secret = 1
  reveal(): number {
    return this.#secret
  }
}

const sparse: number[] = []
sparse[3] = 1
const proxy = new Proxy({ a: 1 }, {})
const throwing = Object.defineProperty({}, 'a', {
  enumerable: true,
  get() {
    throw threw
  },
})
const throwingProxy = new Proxy(
  {},
  {
    ownKeys() {
      throw threw
    },
  },
)

/** `refused`, or what is read back; `same`: as it was. An invalid date, which equals nothing, by its text. */
type Outcome = 'same' | 'refused' | { readonly back: unknown }

const VALUES: readonly (readonly [what: string, value: unknown, asJson: Outcome, asMsgpack: Outcome])[] = [
  ['a bigint', 2n ** 60n, 'refused', 'same'],
  ['a bigint beyond 64 bits', 2n ** 80n, 'refused', 'same'],
  ['a bigint within', { a: [1n] }, 'refused', 'same'],
  ['NaN', Number.NaN, 'refused', 'same'],
  ['an infinity within', { a: Number.NEGATIVE_INFINITY }, 'refused', 'same'],
  ['a function', () => {}, 'refused', 'refused'],
  ['a function within', { a: { b: () => {} } }, 'refused', 'refused'],
  ['a symbol', Symbol('s'), 'refused', 'refused'],
  ['a symbol within', [Symbol('s')], 'refused', 'refused'],
  ['undefined', undefined, 'refused', 'same'],
  ['a field that is undefined', { a: undefined, b: 1 }, { back: { b: 1 } }, 'same'],
  ['undefined in an array', [undefined], 'refused', 'same'],
  ['a sparse array', sparse, 'refused', { back: [undefined, undefined, undefined, 1] }],
  ['a circle', circle, 'refused', 'refused'],
  ['a map', new Map([['a', 1]]), 'refused', 'same'],
  ['an empty set within', { a: new Set() }, 'refused', 'same'],
  ['bytes within', { a: new Uint8Array([1, 2]) }, 'refused', 'same'],
  ['bytes of Node within', { a: Buffer.from([1, 2]) }, 'refused', { back: { a: new Uint8Array([1, 2]) } }],
  ['floats', new Float64Array([Number.NaN, 1.5]), 'refused', 'same'],
  ['a date', new Date(5), { back: '1970-01-01T00:00:00.005Z' }, 'same'],
  ['an invalid date', new Date(Number.NaN), 'refused', { back: 'Invalid Date' }],
  ['an object with nothing to see', new Hidden(), 'refused', { back: {} }],
  ['an error', new TypeError('x'), 'refused', { back: 'TypeError: x' }],
  ['an error of the system', Object.assign(new Error('x'), { code: 'ENOENT' }), 'refused', { back: 'Error: x' }],
  ['a proxy', proxy, { back: { a: 1 } }, { back: { a: 1 } }],
  ['a getter that throws', throwing, 'refused', 'refused'],
  ['a proxy that throws', throwingProxy, 'refused', 'refused'],
  ['no prototype', Object.assign(Object.create(null), { a: 1 }), { back: { a: 1 } }, { back: { a: 1 } }],
  ['what would change a prototype', JSON.parse('{"__proto__":{"polluted":1}}'), 'same', 'refused'],
  ['a lone surrogate', { a: '\ud800' }, 'same', 'refused'],
  ['a hundred levels', nested(100), 'same', 'same'],
  ['a million levels', nested(1_000_000), 'refused', 'refused'],
  ['minus zero', -0, { back: 0 }, { back: 0 }],
]

function outcomeOf(codec: Codec<unknown>, value: unknown): Outcome {
  const values = topic('t', { value: codec })
  let encoded: Uint8Array
  try {
    encoded = values.record({ value }).value as Uint8Array
  } catch (error) {
    assert.ok(LogError.is(error, 'RECORD_SERIALIZATION'), String(error))
    assert.is((error as LogError).details['topic'], 't')
    return 'refused'
  }
  const back = codec.decode(encoded)
  // An error that was decoded has a stack of its own: only its text can be compared.
  const isText = back instanceof Error || (back instanceof Date && Number.isNaN(back.getTime()))
  return { back: isText ? String(back) : back }
}

for (const [name, codec, column] of [
  ['JSON', json(), 2],
  ['MessagePack', msgpack(), 3],
] as const) {
  test(`${name}: every value comes back, or is refused`, () => {
    const wrong: string[] = []
    for (const row of VALUES) {
      const [what, value] = row
      const expected = row[column]
      const found = outcomeOf(codec, value)
      const wanted = expected === 'same' ? { back: value } : expected
      if (!isDeepStrictEqual(found, wanted)) wrong.push(`${what}: ${describe(found)}`)
      assert.equal(outcomeOf(codec, { after: what }), { back: { after: what } }, `it goes on after ${what}`)
    }
    assert.equal(wrong, [])
    assert.is(Reflect.get({}, 'polluted'), undefined)
  })
}

function describe(found: Outcome): string {
  return typeof found === 'string' ? found : `comes back as ${inspect(found.back, { depth: 2 }).slice(0, 80)}`
}

// A look at whether it is a list throws, and came out of the call itself.
test('a revoked proxy in the place of records rejects, in a transaction too', async () => {
  const { proxy: revoked, revoke } = Proxy.revocable([], {})
  revoke()
  await withTopic(async (log) => {
    const senders = [log.producer(), await log.producer({ transactionalId: 'x' }).beginTransaction()]
    for (const sender of senders) assert.is(await settled(sender.send(revoked as never)).then(kindOf), 'TypeError')
  })
})

const kindOf = (outcome: string) => outcome.split(':')[0]

/** What is in the topic, as latin1 text. */
async function stored(log: EmbeddedLog): Promise<readonly (readonly [value: string, headers: string])[]> {
  const text = (value: Uint8Array | null | undefined) => Buffer.from(value ?? []).toString('latin1')
  const all: [string, string][] = []
  for await (const { value, headers } of log.read('t', { until: 'end' })) {
    all.push([text(value), [...headers].map(([name, header]) => `${name}=${text(header)}`).join()])
  }
  return all
}

async function withTopic(work: (log: EmbeddedLog) => Promise<void>): Promise<void> {
  const log = await openMemory()
  try {
    await log.admin.createTopic('t', { config: { 'max.message.bytes': 1000 } })
    await work(log)
  } finally {
    await log.close()
  }
}

const abc = [97, 98, 99]
const settled = (sending: Promise<unknown>) =>
  sending.then(
    () => 'written',
    (error: unknown) => (LogError.is(error) ? error.code : String(error)),
  )

test('bytes on shared and on resizable buffers are written as they are', () =>
  withTopic(async (log) => {
    const shared = new Uint8Array(new SharedArrayBuffer(16), 4, 3)
    const growing = new Uint8Array(resizable(8), 2, 3)
    const tracking = new Uint8Array(resizable(3))
    const long = new Uint8Array(new SharedArrayBuffer(100))
    for (const each of [shared, growing, tracking]) each.set(abc)
    long.fill(97)
    const values = [shared, growing, tracking, long]
    await log
      .producer()
      .send(values.map((value) => ({ topic: 't', key: value, value, headers: [['h', value]] as const })))
    for (const codec of [bytes, topic('t', { value: bytes }).value]) assert.is(codec.encode(shared), shared)
    assert.equal(await stored(log), [
      ...Array.from({ length: 3 }, () => ['abc', 'h=abc'] as const),
      ['a'.repeat(100), `h=${'a'.repeat(100)}`],
    ])
  }))

/** Node 20 has it, lib es2023 doesn't. */
function resizable(byteLength: number): ArrayBuffer & { resize(byteLength: number): void } {
  return new (ArrayBuffer as unknown as new (bytes: number, how: object) => never)(byteLength, { maxByteLength: 4096 })
}

/** `undefined`: the first call of a producer, which waits for its session and its topic. */
for (const lingerMs of [undefined, 20]) {
  const how = lingerMs === undefined ? 'while the first send waits' : 'while it lingers'

  test(`${how}: a record whose object changes is written as it was`, () =>
    withTopic(async (log) => {
      await log.admin.createTopic('other')
      const producer = log.producer({ lingerMs })
      if (lingerMs !== undefined) await producer.send({ topic: 't', value: 'warm' })
      const headers: Record<string, string> = { h: '1' }
      const record = { topic: 't', key: 'k' as string | null, value: 'v' as string | null, headers }
      const records = [record, { ...record, value: 'w' }]
      const sending = producer.send(records)
      Object.assign(record, { topic: 'other', key: null, value: null, partition: 7, timestamp: -1, headers: 5 })
      Object.assign(headers, { h: '2', more: '3' })
      records.length = 0
      await sending
      assert.equal((await stored(log)).slice(lingerMs === undefined ? 0 : 1), [
        ['v', 'h=1'],
        ['w', 'h=1'],
      ])
    }))

  test(`${how}: headers that can be asked for once are written`, () =>
    withTopic(async (log) => {
      const producer = log.producer({ lingerMs })
      if (lingerMs !== undefined) await producer.send({ topic: 't', value: 'warm' })
      const once = () => new Map([['h', '1']]).entries()
      await producer.send([1, 2].map((value) => ({ topic: 't', value: `${value}`, headers: once() })))
      assert.equal((await stored(log)).slice(-2), [
        ['1', 'h=1'],
        ['2', 'h=1'],
      ])
    }))

  // Against what `send` asks for: bytes are to be left alone until it settles.
  test(`${how}: bytes that shrink, grow beyond the limit or go away harm no other record`, () =>
    withTopic(async (log) => {
      const producer = log.producer({ lingerMs })
      if (lingerMs !== undefined) await producer.send({ topic: 't', value: 'warm' })
      const outcomes: string[] = []
      for (const change of [
        (buffer: ReturnType<typeof resizable>) => buffer.resize(0),
        (buffer: ReturnType<typeof resizable>) => buffer.resize(4096),
        (buffer: ReturnType<typeof resizable>) => void structuredClone(buffer, { transfer: [buffer] }),
      ]) {
        const buffer = resizable(64)
        const fresh = lingerMs === undefined ? log.producer() : producer
        const before = fresh.send({ topic: 't', value: 'before' })
        const sending = fresh.send({ topic: 't', value: new Uint8Array(buffer) })
        change(buffer)
        outcomes.push(await settled(sending))
        await settled(before)
        await fresh.send({ topic: 't', value: 'after' })
      }
      assert.ok(
        outcomes.every((outcome) => ['written', 'MESSAGE_TOO_LARGE', 'INVALID_RECORD'].includes(outcome)),
        outcomes.join(),
      )
      const values = (await stored(log)).map(([value]) => value)
      assert.is(values.filter((value) => value === 'after').length, 3)
    }))
}

test.run()
