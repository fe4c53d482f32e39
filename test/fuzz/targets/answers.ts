import type { Channel } from '../../../bindings/engine/remote/channel.ts'
import { writeError } from '../../../bindings/engine/remote/errors.ts'
import { writeFetched } from '../../../bindings/engine/remote/fetched-list.ts'
import { Link } from '../../../bindings/engine/remote/link.ts'
import { loopback } from '../../../bindings/engine/remote/loopback.ts'
import type { MessageWriter } from '../../../bindings/engine/remote/message-writer.ts'
import { ANSWER_ERROR, ANSWER_OK } from '../../../bindings/engine/remote/protocol.ts'
import { readValue, writeValue } from '../../../bindings/engine/remote/values.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { joinMessages, messageOf, splitMessages } from '../messages.ts'
import { type Bytes, expect, type FuzzTarget, Refused } from '../target.ts'

/** The greeting is the first call. */
const HELLO = 1
const FETCH = { positions: [], isolationLevel: 'read_committed' as const, maxBytes: 1, wait: false }

function ok(call: number, write: (writer: MessageWriter) => void): Bytes {
  return messageOf((writer) => write(writer.int32(call).uint8(ANSWER_OK).int32(3)))
}

function failed(call: number, error: unknown): Bytes {
  return messageOf((writer) => writeError(writer.int32(call).uint8(ANSWER_ERROR).int32(3), error))
}

function wholeAnswers(): readonly Bytes[] {
  const part = {
    topic: 't',
    partition: 0,
    batches: [],
    nextOffset: 5,
    logStartOffset: 0,
    endOffset: 9,
    error: undefined,
  }
  const value = (call: number, result: unknown) => ok(call, (writer) => writeValue(writer, result))
  const fetched = (call: number) => ok(call, (writer) => writeFetched(writer, [part]))
  const notice = messageOf((writer) => writer.int32(0).int32(7))
  const error = new LogError('TOPIC_ALREADY_EXISTS', 'there', { topic: 't' })
  return [
    [value(2, ['t']), fetched(3), value(4, { baseOffset: 7, appendTime: 5 })],
    [notice, failed(2, error), fetched(3), failed(4, new Error('of the program'))],
    [value(4, { baseOffset: 2 ** 40, appendTime: 5 }), value(2, []), value(2, []), value(99, null)],
  ].map(joinMessages)
}

/** What a holder answers: every call of the attached process ends, with a value or with a LogError, whatever comes. */
export function answerTarget(
  makeLink: (hooks: ConstructorParameters<typeof Link>[0]) => Link = (hooks) => new Link(hooks),
): FuzzTarget {
  return {
    name: 'answers of the holder',
    share: 25,
    whole: wholeAnswers(),
    async take(bytes) {
      const [mine, theirs] = loopback()
      theirs.start(
        () => {},
        () => {},
      )
      const channels: Channel[] = [mine]
      const link = makeLink({
        connect: () => {
          const channel = channels.pop()
          return channel === undefined
            ? Promise.reject(new LogError('LOG_CLOSED', 'no other holder'))
            : Promise.resolve(channel)
        },
        connected: () => {},
        membersLost: () => {},
        noticed: () => {},
        warned: () => {},
        setTimer: () => () => {},
        now: () => 0,
        random: () => 0.5,
      })
      const open = link.open()
      open.catch(() => {})
      await Promise.resolve()
      theirs.send([ok(HELLO, (writer) => writeValue(writer, { guarantees: {} }))])
      await open
      const calls = [
        link.call('listTopics', 0, () => {}, readValue),
        link.fetch('fetch', 1, FETCH),
        link.call('append', 0, () => {}, readValue),
      ].map((call) =>
        call.then(
          () => undefined,
          (error: unknown) => error,
        ),
      )
      for (const message of splitMessages(bytes)) theirs.send([message])
      theirs.end()
      const errors = (await Promise.all(calls)).filter((error) => error !== undefined)
      link.end()
      for (const error of errors) expect(LogError.is(error), () => `${(error as Error).stack}`)
      if (errors.length > 0) throw new Refused('a call failed')
    },
  }
}
