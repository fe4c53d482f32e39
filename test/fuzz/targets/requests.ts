import type { Channel } from '../../../bindings/engine/remote/channel.ts'
import { readError } from '../../../bindings/engine/remote/errors.ts'
import { loopback } from '../../../bindings/engine/remote/loopback.ts'
import { MessageReader } from '../../../bindings/engine/remote/message-reader.ts'
import type { MessageWriter } from '../../../bindings/engine/remote/message-writer.ts'
import { ANSWER_OK, PROTOCOL_VERSION } from '../../../bindings/engine/remote/protocol.ts'
import { writeRecords } from '../../../bindings/engine/remote/record-list.ts'
import { ServedChannel } from '../../../bindings/engine/remote/served-channel.ts'
import { writeInstance, writeValue } from '../../../bindings/engine/remote/values.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { type Holder, openHolder } from '../../damage/holder.ts'
import { StillPort } from '../../damage/still-port.ts'
import { joinMessages, request, splitMessages } from '../messages.ts'
import { asWrong, type Bytes, expect, type FuzzTarget, Refused } from '../target.ts'

/** What mutated requests may have made is cleared away that often. */
const CASES_A_HOLDER = 200
/** Turns of the event loop's microtasks that a request takes at most. */
const SETTLE_TURNS = 4
const POSITIONS = [{ topic: 't', partition: 0, nextOffset: 0 }]
const FETCH = { positions: POSITIONS, isolationLevel: 'read_committed', maxBytes: 1e5, wait: false }
const TOPIC = { partitions: 1, config: { 'segment.bytes': 500 } }
const MEMBER = { groupId: 'g', topics: ['t'], assignors: ['range'], maxPollIntervalMs: 9e5 }
const LOCKED = {
  topic: 't',
  topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
  partition: 0,
  firstOffset: 0,
  lastOffset: 0,
  deliveryCount: 1,
  beginning: 1,
}
const RELEASE = { ...LOCKED, type: 'accept', delayMs: 0 }
const ACQUIRE = { topics: ['t'], maxOffsets: 5, lockMs: 1000, startAt: 'earliest' }

const given =
  (...args: unknown[]) =>
  (writer: MessageWriter) =>
    writeValue(writer, args)
const plain = (value: unknown) => (writer: MessageWriter) => writeValue(writer, value)

function records(writer: MessageWriter): void {
  const bytes = new TextEncoder().encode('value')
  writeRecords(writer, [{ key: bytes, value: bytes, timestamp: undefined, headers: [['h', bytes]] }])
}

/**
 * What attached processes ask, in rows that make sense. The producer is the log's first, its transactions the second's.
 */
function wholeRequests(): readonly Bytes[] {
  const instance = { producerId: 1, producerEpoch: 0 }
  const append = (writer: MessageWriter, sequence = 0) => {
    writer.float64(0).text('t').int32(0).uint8(0).int32(0).int32(sequence)
    records(writer)
  }
  const rows: readonly (readonly Bytes[])[] = [
    [
      request(1, 'hello', 0, (writer) => writer.int32(PROTOCOL_VERSION).text('link').int32(1)),
      request(2, 'append', 0, append),
      request(3, 'fetch', 1, plain(FETCH)),
      request(0, 'wake', 1),
      request(0, 'close', 1),
    ],
    [
      request(1, 'offsets', 0, given([{ topic: 't', partition: 0 }])),
      request(2, 'offsetsForTimestamp', 0, given([{ topic: 't', partition: 0 }], 5)),
      request(3, 'describeTopic', 0, given('t')),
      request(4, 'listTopics', 0, given({ internal: true })),
      request(5, 'describeProducers', 0, given([{ topic: 't', partition: 0 }])),
    ],
    [
      request(1, 'openConsumer', 5, plain(MEMBER)),
      request(2, 'join', 5, plain([])),
      request(3, 'sync', 5, (writer) => {
        writeValue(writer.int32(1), [{ memberId: 'm', partitions: [{ topic: 't', partition: 0 }] }])
      }),
      request(4, 'commit', 5, (writer) => writeValue(writer.int32(1), POSITIONS)),
      request(5, 'committed', 5, (writer) => writeValue(writer.uint8(0), [{ topic: 't', partition: 0 }])),
      request(6, 'poll', 5, plain(FETCH)),
      request(7, 'close', 5),
    ],
    [
      request(1, 'openShare', 6, (writer) => writeValue(writer, 'queue')),
      request(2, 'acquire', 6, plain(ACQUIRE)),
      request(3, 'acknowledge', 6, plain(RELEASE)),
      request(4, 'close', 6),
    ],
    [
      request(1, 'openTransactionalProducer', 0, plain({ transactionalId: 'id', timeoutMs: 60_000 })),
      request(2, 'beginTransaction', 0, (writer) => writeInstance(writer, instance)),
      request(3, 'appendInTransaction', 0, (writer) => {
        writeInstance(writer, instance)
        writer.text('t').int32(0).int32(0)
        records(writer)
      }),
      request(4, 'endTransaction', 0, (writer) => writeInstance(writer.text('commit'), instance)),
    ],
    [
      request(1, 'createTopic', 0, given('u', TOPIC)),
      request(2, 'createPartitions', 0, given('u', 2)),
      request(3, 'alterConfig', 0, given('u', { 'segment.bytes': 600, 'retention.ms': null })),
      request(4, 'deleteRecords', 0, given([{ topic: 't', partition: 0, beforeOffset: -1 }])),
      request(5, 'deleteTopic', 0, given('u')),
    ],
    [
      request(1, 'setOffsets', 0, given('h', POSITIONS)),
      request(2, 'describeGroup', 0, given('h')),
      request(3, 'listGroups', 0, given()),
      request(4, 'deleteGroup', 0, given('h')),
      request(5, 'backup', 0, given('/nowhere')),
    ],
    [
      request(1, 'listTransactions', 0, given()),
      request(2, 'abortTransaction', 0, given('id')),
      request(3, 'fenceProducer', 0, given('id')),
      request(4, 'openProducer', 0),
    ],
  ]
  return rows.map(joinMessages)
}

/** A holder as others see it, and a program of its own process that works with it beside. */
class Serving {
  readonly holder: Holder
  #sequence = 0

  constructor(holder: Holder) {
    this.holder = holder
  }

  static async begin(): Promise<Serving> {
    const holder = await openHolder(new DirectoryImage(), new StillPort(7))
    await holder.broker.admin.createTopic('t', { partitions: 1, config: {} })
    await holder.broker.admin.createTopic('mine', { partitions: 1, config: {} })
    return new Serving(holder)
  }

  /** What others ask wrongly is no harm to this one. */
  async assertWorks(): Promise<void> {
    const { broker } = this.holder
    const records = [{ key: null, value: 'mine', timestamp: undefined, headers: undefined }]
    const place = {
      topic: 'mine',
      partition: 0,
      acks: 'all' as const,
      producerEpoch: 0,
      baseSequence: this.#sequence++,
    }
    const appended = broker.ask<{ baseOffset: number }>((done) => {
      return { kind: 'append', producerId: 2 ** 40, request: { ...place, records }, isTransactional: false, done }
    })
    const { baseOffset } = await appended.catch((error: unknown) => {
      throw asWrong(error)
    })
    expect(baseOffset === place.baseSequence, () => `the record ${place.baseSequence} is at ${baseOffset}`)
  }
}

/** What another process asks: a call gets one answer at most, each failure its code, and the holder works on. */
export function requestTarget(serve: Serve = serveChannel): FuzzTarget {
  let serving: Serving | undefined
  let cases = 0
  const end = async () => {
    serving?.holder.discard()
    serving = undefined
  }
  return {
    name: 'requests of attached processes',
    share: 3,
    whole: wholeRequests(),
    renew: end,
    end,
    async take(bytes) {
      if (cases++ % CASES_A_HOLDER === 0) await end()
      serving ??= await Serving.begin()
      const [mine, theirs] = loopback()
      const answers: Bytes[] = []
      mine.start(
        (message) => answers.push(message),
        () => {},
      )
      serve(theirs, serving.holder)
      const messages = splitMessages(bytes)
      numberCalls(messages)
      for (const message of messages) {
        mine.send([message])
        await settled()
      }
      mine.end()
      await settled()
      await serving.assertWorks()
      const refusals = answers.filter((answer) => isRefusal(answer)).length
      assertOneAnswerEach(messages, answers)
      if (refusals > 0) throw new Refused(`${refusals} calls were refused`)
    },
  }
}

type Serve = (channel: Channel, holder: Holder) => void

export function serveChannel(channel: Channel, { broker, recovery }: Holder): void {
  new ServedChannel(channel, broker, recovery, new Set())
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Whatever was changed or doubled is looked at: a call whose number doesn't ascend is passed over. */
function numberCalls(messages: readonly Bytes[]): void {
  messages.forEach((message, index) => {
    const view = new DataView(message.buffer, message.byteOffset, message.length)
    if (message.length >= 4 && view.getInt32(0, true) !== 0) view.setInt32(0, index + 1, true)
  })
}

/** Each failure has its code; a notice, which has the call 0, is none. */
function isRefusal(answer: Bytes): boolean {
  const reader = new MessageReader(answer)
  if (reader.int32() === 0) return false
  const isOk = reader.uint8() === ANSWER_OK
  reader.int32()
  if (isOk) return false
  const { code, message } = readError(reader)
  expect(code !== 'UNKNOWN_SERVER_ERROR', () => `a failure without a code: ${message}`)
  return true
}

function assertOneAnswerEach(messages: readonly Bytes[], answers: readonly Bytes[]): void {
  const calls = (list: readonly Bytes[]) =>
    list.filter(({ length }) => length >= 4).map((each) => new MessageReader(each).int32())
  const asked = calls(messages)
  const answered = calls(answers).filter((call) => call !== 0)
  for (const call of new Set(answered)) {
    const count = (list: readonly number[]) => list.filter((each) => each === call).length
    expect(count(answered) <= count(asked), () => `call ${call} has ${count(answered)} answers`)
  }
}
