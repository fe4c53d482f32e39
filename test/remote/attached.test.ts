// One directory, several openers in this process: the second is attached through the socket, and takes over.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError, open, string, topic } from '../../bindings/entry/node.ts'

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-attached-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

const text = (value: Uint8Array | null) => (value === null ? null : Buffer.from(value).toString())

// It opened the log by the program's object as that was at the takeover, and ended for good.
test('what becomes of the options after the call changes nothing, at a takeover neither', async () => {
  const holder = await open(root)
  const options = { memoryBytes: 64 * 1024 * 1024, topics: [topic('t', { value: string })] }
  const opening = open(root, options)
  options.topics.length = 0
  const attached = await opening
  options.memoryBytes = 1
  await holder.close()
  assert.equal(await attached.admin.listTopics(), ['t'])
  assert.is(attached.role, 'holder')
  await attached.close()
})

test('an attached log has the whole session API', async () => {
  const holder = await open(root)
  const attached = await open(root)
  assert.equal([holder.role, attached.role], ['holder', 'attached'])
  assert.equal(attached.guarantees, holder.guarantees)
  assert.equal(attached.recovery, holder.recovery)

  await attached.admin.createTopic('t', { partitions: 2, config: { 'retention.ms': 5 } })
  assert.equal(await holder.admin.describeTopic('t'), await attached.admin.describeTopic('t'))
  const records = Array.from({ length: 300 }, (_, index) => {
    return { topic: 't', key: `k${index % 7}`, value: `v${index}`, headers: { h: 'x' }, timestamp: 1000 + index }
  })
  const sent = await attached.producer().send(records)
  assert.is(sent.length, 300)
  for (const index of [0, 150, 299]) {
    const found = await attached.get('t', sent[index] ?? { partition: -1, offset: -1 })
    assert.equal([text(found?.value ?? null), found?.timestamp], [`v${index}`, 1000 + index])
  }
  const behind = await attached.get('t', { partition: 0, offset: 300 }).catch((error: unknown) => error)
  assert.ok(LogError.is(behind, 'OFFSET_OUT_OF_RANGE'), String(behind))
  const consumer = attached.consumer({ groupId: 'g', topics: ['t'] })
  let count = 0
  for await (const record of consumer) {
    const index = Number(text(record.value)?.slice(1))
    assert.is(text(record.key), `k${index % 7}`)
    assert.is(record.timestamp, 1000 + index)
    assert.is(text(record.headers.get('h') ?? null), 'x')
    await consumer.commit(record)
    if (++count === 300) break
  }
  assert.equal([...(await consumer.lag()).values()], [0, 0])
  assert.is((await holder.admin.listGroups())[0]?.members, 1)
  await consumer.close()
  const seen: string[] = []
  for await (const { value } of holder.read('t', { until: 'end' })) seen.push(text(value) ?? '')
  assert.is(new Set(seen).size, 300)
  const refused = await attached
    .producer()
    .send({ topic: 'gone', value: 'x' })
    .catch((error: unknown) => error)
  assert.ok(LogError.is(refused, 'UNKNOWN_TOPIC_OR_PARTITION'), String(refused))
  await attached.close()
  await holder.close()
})

test('plain records, which come packed to the holder, are as the program sent them and fall under the rules of their topic', async () => {
  const holder = await open(root)
  const attached = await open(root)
  await holder.admin.createTopic('t')
  await holder.admin.createTopic('keyed', { config: { 'cleanup.policy': 'compact' } })
  const contents = [null, '', 'ä🙂', Buffer.alloc(0), Buffer.alloc(300, 'x'), 'x'.repeat(9000)]
  const records = contents.flatMap((key) => contents.map((value) => ({ topic: 't', key, value })))
  const producer = attached.producer()
  const sent = await producer.send(records)
  const seen: (readonly [string | null, string | null, number])[] = []
  for await (const { key, value, timestamp } of holder.read('t', { until: 'end' })) {
    seen.push([text(key), text(value), timestamp])
  }
  const asText = (content: Uint8Array | string | null) => (typeof content === 'string' ? content : text(content))
  assert.equal(
    seen,
    records.map(({ key, value }, index) => [asText(key), asText(value), sent[index]?.timestamp]),
  )
  const refused = await producer.send({ topic: 'keyed', value: 'x' }).catch((error: unknown) => error)
  assert.ok(LogError.is(refused, 'INVALID_RECORD'), String(refused))
  await producer.send({ topic: 'keyed', key: 'k', value: null })
  await attached.close()
  await holder.close()
})

test('members of one group in both share its partitions', async () => {
  const holder = await open(root)
  const attached = await open(root)
  await holder.admin.createTopic('t', { partitions: 4 })
  const consumers = [holder, attached].map((log) => log.consumer({ groupId: 'g', topics: ['t'] }))
  await Promise.all(consumers.map((consumer) => consumer.lag()))
  const shares = () => consumers.map((consumer) => consumer.assignment().length)
  while (shares().join() !== '2,2') await new Promise((resolve) => setImmediate(resolve))
  await attached.close()
  while (shares()[0] !== 4) await new Promise((resolve) => setImmediate(resolve))
  await holder.close()
})

test('when the holder closes, an attached log takes its place, and its producer and consumer go on', async () => {
  const holder = await open(root)
  await holder.admin.createTopic('t')
  const attached = await open(root)
  const third = await open(root)
  const producer = attached.producer()
  await producer.send({ topic: 't', value: 'a' })
  const consumer = third.consumer({ groupId: 'g', topics: ['t'] })
  const iteration = consumer[Symbol.asyncIterator]()
  const first = (await iteration.next()).value
  assert.is(text(first?.value ?? null), 'a')
  const upToC = async () => {
    const seen: (string | null)[] = []
    while (seen.at(-1) !== 'c') seen.push(text((await iteration.next()).value?.value ?? null))
    return seen
  }
  const reading = upToC()
  const sending = producer.send({ topic: 't', value: 'b' })
  await holder.close()
  await sending
  await producer.send({ topic: 't', value: 'c' })
  assert.equal([attached.role, third.role].sort(), ['attached', 'holder'])
  // Nothing was committed, so the member begins anew; the old holder may have given it the second one before it ended.
  assert.equal((await reading).slice(-3), ['a', 'b', 'c'])
  await attached.close()
  await third.close()
})

test('exclusive refuses, and is refused, by the name of the holder', async () => {
  const holder = await open(root, { exclusive: true })
  for (const options of [{ exclusive: true }]) {
    const refused = await open(root, options).catch((error: unknown) => error)
    assert.ok(LogError.is(refused, 'DIRECTORY_IN_USE'), String(refused))
    assert.is(refused.details['pid'], process.pid)
  }
  await holder.close()
  const shared = await open(root)
  const refused = await open(root, { exclusive: true }).catch((error: unknown) => error)
  assert.ok(LogError.is(refused, 'DIRECTORY_IN_USE'), String(refused))
  await shared.close()
})

test('a directory that was named from where the program was stays the same one wherever it goes', async () => {
  const before = process.cwd()
  process.chdir(root)
  const [holder, attached] = [await open('data'), await open('./data')]
  await holder.admin.createTopic('t')
  process.chdir(tmpdir())
  assert.equal(await holder.verify(), [])
  await holder.close()
  await attached.producer().send({ topic: 't', value: 'x' })
  assert.is(attached.role, 'holder')
  await attached.close()
  process.chdir(before)
})

test('a directory whose path is longer than the address of a socket', async () => {
  const deep = join(root, ...Array.from({ length: 3 }, () => 'x'.repeat(80)))
  const holder = await open(deep)
  const attached = await open(deep)
  assert.is(attached.role, 'attached')
  await attached.close()
  await holder.close()
})

test.run()
