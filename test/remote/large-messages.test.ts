// Data that no message between two processes can hold is refused before it is sent: the channel and all else on it go
// on.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchRequest } from '../../bindings/broker/reader-session.ts'
import { Link } from '../../bindings/engine/remote/link.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { FETCH_BYTES_MAX, MESSAGE_BYTES_MAX } from '../../bindings/engine/remote/protocol.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { readValue, writeValue } from '../../bindings/engine/remote/values.ts'
import { LogError } from '../../bindings/entry/node.ts'

/** A link to a holder whose admin says this, and whose readers read so. */
async function linkTo(admin: Record<string, () => Promise<unknown>>, openReader = () => ({})): Promise<Link> {
  const [mine, theirs] = loopback()
  const engine = { topicCommands: { version: 0 } }
  const broker = { admin, engine, openReader, guarantees: {}, served: new Set() }
  new ServedChannel(theirs, broker as never, {} as never, new Set())
  const link = new Link({
    connect: async () => mine,
    connected: () => {},
    membersLost: () => assert.unreachable('the channel ended'),
    noticed: () => {},
    warned: () => {},
    setTimer: () => () => {},
    now: () => 0,
    random: () => 0.5,
  })
  await link.open()
  return link
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.unreachable('it was taken'),
    (error: unknown) => error,
  )

test('a call that is too large is refused before it is sent', async () => {
  const link = await linkTo({ listGroups: async () => ['g'] })
  const sent = link.call('append', 0, (writer) => void writer.leaveOpen(MESSAGE_BYTES_MAX), readValue)
  const error = await failure(sent)
  assert.ok(LogError.is(error, 'MESSAGE_TOO_LARGE'), String(error))
  assert.equal(await link.call('listGroups', 0, (writer) => writeValue(writer, []), readValue), ['g'])
})

test('an answer that can’t be written is told as an error', async () => {
  const unwritable = {
    get field(): never {
      throw new LogError('MESSAGE_TOO_LARGE', 'planted')
    },
  }
  const link = await linkTo({ listGroups: async () => unwritable })
  const error = await failure(link.call('listGroups', 0, (writer) => writeValue(writer, []), readValue))
  assert.ok(LogError.is(error, 'MESSAGE_TOO_LARGE'), String(error))
})

test('a fetch brings what a message holds, whatever was asked for', async () => {
  const asked: number[] = []
  const reader = {
    async fetch({ maxBytes }: FetchRequest) {
      asked.push(maxBytes)
      return []
    },
  }
  const link = await linkTo({}, () => reader)
  for (const maxBytes of [1000, 2 ** 40]) {
    await link.fetch('fetch', 1, { positions: [], isolationLevel: 'read_committed', maxBytes, wait: false })
  }
  assert.equal(asked, [1000, FETCH_BYTES_MAX])
})

test.run()
