// What another process asks in a shape that no client writes is refused before the engine sees any of it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readError } from '../../bindings/engine/remote/errors.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { MessageReader } from '../../bindings/engine/remote/message-reader.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { ADMIN_CALLS, ANSWER_OK } from '../../bindings/engine/remote/protocol.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { writeValue } from '../../bindings/engine/remote/values.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { openHolder } from '../damage/holder.ts'
import { StillPort } from '../damage/still-port.ts'

const holder = await openHolder(new DirectoryImage(), new StillPort(3))
const [mine, theirs] = loopback()
const answers: Uint8Array<ArrayBuffer>[] = []
mine.start(
  (answer) => answers.push(answer),
  () => {},
)
new ServedChannel(theirs, holder.broker, holder.recovery, new Set())

let call = 0

async function codeOf(method: string, write: (writer: MessageWriter) => void): Promise<string> {
  const writer = new MessageWriter().int32(++call).text(method).int32(5)
  write(writer)
  mine.send(writer.finish())
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
  const answer = answers.shift()
  if (answer === undefined) return 'none'
  const reader = new MessageReader(answer)
  reader.int32()
  const isOk = reader.uint8() === ANSWER_OK
  reader.int32()
  return isOk ? 'done' : readError(reader).code
}

const plain = (value: unknown) => (writer: MessageWriter) => writeValue(writer, value)
const place = { topic: 't', partition: 0 }
const member = { groupId: 'g', topics: ['t'], assignors: ['range'], maxPollIntervalMs: 5 }
const fetch = { positions: [{ ...place, nextOffset: 0 }], isolationLevel: 'read_committed', maxBytes: 5, wait: false }

const WRONG: readonly (readonly [method: string, value: unknown])[] = [
  ...ADMIN_CALLS.filter((name) => !name.startsWith('list') || name === 'listTopics').flatMap((name) => [
    [name, [7, null]] as const,
    [name, 'text'] as const,
    [name, undefined] as const,
  ]),
  ['createTopic', ['u', { partitions: 1.5, config: {} }]],
  ['createTopic', ['u', { partitions: 1 }]],
  ['deleteRecords', [[{ ...place, beforeOffset: -2 }]]],
  ['offsets', [[{ topic: 't', partition: -1 }]]],
  ['setOffsets', ['g', [{ ...place, nextOffset: Number.NaN }]]],
  ['fetch', { ...fetch, isolationLevel: 'any' }],
  ['fetch', { ...fetch, positions: [null] }],
  ['fetch', { ...fetch, wait: 1 }],
  ['openConsumer', { ...member, maxPollIntervalMs: Number.POSITIVE_INFINITY }],
  ['openConsumer', { ...member, topics: 't' }],
  ['openTransactionalProducer', { transactionalId: 5, timeoutMs: 5 }],
]

test('plain data of another shape', async () => {
  for (const [method, value] of WRONG) {
    assert.is(await codeOf(method, plain(value)), 'NETWORK_EXCEPTION', `${method} ${JSON.stringify(value)}`)
  }
})

test('producers, epochs, partitions and sequences that are none', async () => {
  const append = (id: number, partition: number, epoch: number, sequence: number) => (writer: MessageWriter) => {
    writer.float64(id).text('t').int32(partition).uint8(0).int32(epoch).int32(sequence).int32(0)
  }
  for (const numbers of [
    [-1, 0, 0, 0],
    [0.5, 0, 0, 0],
    [Number.NaN, 0, 0, 0],
    [1, -1, 0, 0],
    [1, 0, -1, 0],
    [1, 0, 2 ** 15, 0],
    [1, 0, 0, -1],
  ]) {
    assert.is(
      await codeOf('append', append(...(numbers as [number, number, number, number]))),
      'NETWORK_EXCEPTION',
      numbers.join(),
    )
  }
})

test('what clients write goes through', async () => {
  assert.is(await codeOf('createTopic', plain(['t', { partitions: 1, config: {} }])), 'done')
  assert.is(await codeOf('offsets', plain([[place]])), 'done')
  assert.is(await codeOf('fetch', plain(fetch)), 'done')
  assert.is(await codeOf('openConsumer', plain(member)), 'done')
})

test('the session of a member is opened once: the member would stay in its group after the channel', async () => {
  assert.is(await codeOf('openConsumer', plain(member)), 'INVALID_REQUEST')
  assert.is(await codeOf('openShare', plain('g')), 'INVALID_REQUEST')
})

test.run()
