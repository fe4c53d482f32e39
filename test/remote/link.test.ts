// What an attached process asks goes over one channel after another: in its order, answered by the present one alone.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Channel, OnMessage } from '../../bindings/engine/remote/channel.ts'
import { writeError } from '../../bindings/engine/remote/errors.ts'
import { Link } from '../../bindings/engine/remote/link.ts'
import { joinPieces } from '../../bindings/engine/remote/message-pieces.ts'
import { MessageReader } from '../../bindings/engine/remote/message-reader.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { ANSWER_ERROR, ANSWER_OK } from '../../bindings/engine/remote/protocol.ts'
import { readValue, writeValue } from '../../bindings/engine/remote/values.ts'
import type { ErrorCode } from '../../bindings/model/error-table.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { turns } from './support.ts'

/** A holder's end, which the test plays. */
class PlayedChannel implements Channel {
  readonly asked: { readonly call: number; readonly method: string }[] = []
  #onMessage: OnMessage = () => {}
  lose: () => void = () => {}

  start(onMessage: OnMessage, onEnd: () => void): void {
    this.#onMessage = onMessage
    this.lose = onEnd
  }

  send(message: Parameters<Channel['send']>[0]): void {
    const reader = new MessageReader(joinPieces(message))
    const call = reader.int32()
    const method = reader.text()
    this.asked.push({ call, method })
    if (method === 'hello') this.answer(call, {})
  }

  answer(call: number, value: unknown): void {
    const writer = new MessageWriter().int32(call).uint8(ANSWER_OK).int32(1)
    writeValue(writer, value)
    this.bring(writer)
  }

  bring(writer: MessageWriter): void {
    this.#onMessage(joinPieces(writer.finish()), () => {})
  }

  keepAlive(): void {}

  hasEnded = false
  end(): void {
    this.hasEnded = true
  }
}

/** Of a holder that is gone before it greets. */
class Silent extends PlayedChannel {
  override send(): void {}
}

/** Of a holder that refuses the greeting. */
class Refusing extends PlayedChannel {
  readonly #code: ErrorCode

  constructor(code: ErrorCode) {
    super()
    this.#code = code
  }

  override send(message: Parameters<Channel['send']>[0]): void {
    const writer = new MessageWriter().int32(new MessageReader(joinPieces(message)).int32()).uint8(ANSWER_ERROR)
    writeError(writer.int32(1), new LogError(this.#code, 'no'))
    this.bring(writer)
  }
}

test("a greeting that is refused as a member's call is refused ends the link", async () => {
  const hooks = { connected: () => {}, membersLost: () => {}, noticed: () => {}, warned: () => {}, now: () => 0 }
  const link = new Link({
    ...hooks,
    connect: async () => new Refusing('UNKNOWN_MEMBER_ID'),
    random: () => 0.5,
    setTimer: () => () => {},
  })
  const told = await link.open().catch((error: unknown) => error)
  assert.ok(LogError.is(told, 'LOG_CLOSED'), String(told))
})

async function opened(later: () => PlayedChannel = () => new PlayedChannel()) {
  const channels: PlayedChannel[] = []
  const link = new Link({
    async connect() {
      const channel = channels.length === 0 ? new PlayedChannel() : later()
      channels.push(channel)
      return channel
    },
    connected: () => {},
    membersLost: () => {},
    noticed: () => {},
    warned: () => {},
    now: () => 0,
    random: () => 0.5,
    setTimer: (_, callback) => {
      setImmediate(callback)
      return () => {}
    },
  })
  await link.open()
  /** `append` is among the calls that are asked again. */
  const ask = (method: string) => link.call(method, 0, () => {}, readValue)
  const methods = (channel: PlayedChannel | undefined) => channel?.asked.map(({ method }) => method)
  return { channels, ask, methods }
}

test('calls are asked again in the order in which they were asked', async () => {
  const { channels, ask, methods } = await opened()
  for (const method of ['append', 'deleteRecords', 'setOffsets']) ask(method).catch(() => {})
  channels[0]?.lose()
  await turns(3)
  assert.equal(methods(channels[1]), ['hello', 'append', 'deleteRecords', 'setOffsets'])
})

test('what was asked while there was no holder waits for one that greets; only what was sent has an unknown outcome', async () => {
  const later = [new Silent(), new PlayedChannel()]
  const { channels, ask, methods } = await opened(() => later.shift() as PlayedChannel)
  const sent = ask('createTopic').catch((error: unknown) => error)
  channels[0]?.lose()
  assert.ok(LogError.is(await sent, 'NETWORK_EXCEPTION'))
  const unsent = ask('createTopic')
  const ofMember = ask('join').catch((error: unknown) => error)
  await turns(3)
  assert.is(channels.length, 2)
  channels[1]?.lose()
  assert.ok(LogError.is(await ofMember, 'UNKNOWN_MEMBER_ID'))
  await turns(3)
  const [, , third] = channels
  assert.equal(methods(third), ['hello', 'createTopic'])
  third?.answer(third.asked.at(-1)?.call ?? -1, undefined)
  assert.is(await unsent, undefined)
})

test('what a channel that was lost still brings answers nothing, and that it ends once more ends nothing', async () => {
  const { channels, ask, methods } = await opened()
  const answer = ask('append')
  const [first] = channels
  first?.lose()
  await turns(3)
  const [, second] = channels
  const again = second?.asked.at(-1)
  assert.is(again?.method, 'append')
  first?.answer(again?.call ?? -1, 'of the holder before')
  first?.lose()
  await turns(3)
  assert.equal([channels.length, methods(second)], [2, ['hello', 'append']])
  second?.answer(again?.call ?? -1, 'of this one')
  assert.is(await answer, 'of this one')
})

test('a next holder that speaks another version is left at once: its channel keeps no process alive', async () => {
  const { channels, ask } = await opened(() => new Refusing('UNSUPPORTED_VERSION'))
  const answers = ['append', 'setOffsets'].map((method) => ask(method).catch((error: unknown) => error))
  channels[0]?.lose()
  for (const told of await Promise.all(answers)) {
    assert.ok(LogError.is(told, 'NETWORK_EXCEPTION') && LogError.is(told.cause, 'UNSUPPORTED_VERSION'), String(told))
  }
  assert.ok(channels[1]?.hasEnded, 'its channel stays open')
  const later = await ask('append').catch((error: unknown) => error)
  assert.ok(LogError.is(later, 'UNSUPPORTED_VERSION'), String(later))
  assert.is(channels.length, 2)
})

test.run()
