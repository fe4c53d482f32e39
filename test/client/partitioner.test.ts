// Where records go: Kafka's murmur2, KIP-794 without a key, the user's own choice.
import { randomBytes } from 'node:crypto'
import murmurhash from 'murmurhash'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { murmur2 } from '../../bindings/client/producer/murmur2.ts'
import { failure, overBrokers, setup } from './support.ts'

/** Signed, of Kafka's UtilsTest and the Java client. */
const vectors: readonly (readonly [key: string | Uint8Array, hash: number])[] = [
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['abc', 479_470_107],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['', 275_646_681],
  ['k', -1_567_496_736],
  [new Uint8Array([0xff, 0xfe, 0xfd]), 998_637_092],
]

test('murmur2 as the Java client has it', () => {
  for (const [key, hash] of vectors) assert.is(murmur2(typeof key === 'string' ? Buffer.from(key) : key), hash)
})

test('murmur2 of any bytes is what an independent one answers', () => {
  for (let count = 0; count < 600; count++) {
    const bytes = randomBytes(count % 97)
    assert.is(murmur2(bytes), murmurhash.v2(bytes, 0x9747b28c) | 0, bytes.toString('hex'))
  }
})

overBrokers('equal keys go to the same partition, text or bytes', async (setup) => {
  const { log } = await setup({ ten: 10, fifty: 50 })
  const producer = log.producer()
  const [ten, fifty, bytes] = await producer.send([
    { topic: 'ten', key: 'foobar', value: null },
    { topic: 'fifty', key: 'foobar', value: null },
    { topic: 'ten', key: Buffer.from('foobar'), value: null },
  ])
  assert.equal([ten?.partition, fifty?.partition, bytes?.partition], [6, 16, 6])
})

overBrokers('text of any script hashes as its UTF-8', async (setup) => {
  const { log } = await setup({ t: 1000 })
  const producer = log.producer()
  for (const key of ['ä', 'größe', '日本語', '𝄞 clef', 'x'.repeat(300), `${'y'.repeat(200)}é`]) {
    const { partition } = await producer.send({ topic: 't', key, value: null })
    assert.is(partition, (murmur2(Buffer.from(key)) & 0x7fffffff) % 1000, key)
  }
})

overBrokers('without a key one partition until a batch’s worth went there, then another', async (setup) => {
  const { log } = await setup({ t: 8 }, 7)
  const producer = log.producer({ batchSizeBytes: 1000 })
  const partitions: number[] = []
  for (let count = 0; count < 200; count++) {
    partitions.push((await producer.send({ topic: 't', value: 'x'.repeat(64) })).partition)
  }
  const runs: number[] = []
  partitions.forEach((partition, index) => {
    if (partition === partitions[index - 1]) runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1
    else runs.push(1)
  })
  // 64 bytes and a record's own fields: ten of them make 1000 bytes.
  assert.equal([...new Set(runs)], [10])
  assert.ok(new Set(partitions).size >= 6)
})

overBrokers('the partition of the record wins, then the user’s partitioner', async (setup) => {
  const { log } = await setup({ t: 5 })
  const producer = log.producer({ partitioner: ({ key }, partitions) => (key === 'last' ? partitions - 1 : 0) })
  const sent = await producer.send([
    { topic: 't', key: 'last', value: null },
    { topic: 't', key: 'other', value: null },
    { topic: 't', key: 'last', value: null, partition: 2 },
  ])
  assert.equal(
    sent.map(({ partition }) => partition),
    [4, 0, 2],
  )
})

test('a wrong answer of the partitioner is refused by name, before anything is written', async () => {
  for (const answer of [-1, 5, 0.5, Number.NaN, '1', undefined, null, 2 ** 40]) {
    const { log, broker } = setup({ t: 5 })
    const partitioner = () => answer as number
    const error = await failure('INVALID_REQUEST', () =>
      log.producer({ partitioner }).send({ topic: 't', value: null }),
    )
    assert.is(error.details['option'], 'partitioner')
    assert.is(broker.appends.length, 0)
  }
})

overBrokers('a signal that the partitioner of its send aborts stops that send, wherever it is asked', async (setup) => {
  const reason = new Error('enough')
  const record = { topic: 't', value: 'a' }
  for (const [how, records, before] of [
    ['one record', record, 'answered'],
    ['a list', [record], 'answered'],
    ['one record that waits', record, 'none'],
    ['a list that waits behind others', [record], 'waiting'],
  ] as const) {
    const { log, broker } = await setup({ t: 2 })
    const controller = new AbortController()
    let isAborting = false
    const partitioner = () => {
      if (isAborting) controller.abort(reason)
      return 0
    }
    const producer = log.producer({ partitioner })
    const first = before === 'none' ? undefined : producer.send({ topic: 't', partition: 1, value: how })
    if (before === 'answered') await first
    isAborting = true
    const sent = producer.send(records, { signal: controller.signal })
    assert.is(await sent.catch((error: unknown) => error), reason, how)
    await producer.close()
    assert.equal(await broker.texts('t'), [], how)
  }
})

overBrokers('an error of the partitioner comes unchanged', async (setup) => {
  const { log } = await setup({ t: 5 })
  const mine = new Error('mine')
  const partitioner = () => {
    throw mine
  }
  assert.is(
    await log
      .producer({ partitioner })
      .send({ topic: 't', value: null })
      .catch((error) => error),
    mine,
  )
})

test.run()
