// A process whose oncelog speaks another version of the protocol than the holder's: its open rejects, and it sends
// nothing after its greeting, as that could mean something else to the holder.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { joinPieces } from '../../bindings/engine/remote/message-pieces.ts'
import { MessageReader } from '../../bindings/engine/remote/message-reader.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { PROTOCOL_VERSION } from '../../bindings/engine/remote/protocol.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { held } from './support.ts'

/** The holder's end of a channel, whose client's greeting names this version. */
function greetedIn(version: number, channel: Channel, methods: string[]): Channel {
  const greeting = (message: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
    const reader = new MessageReader(message)
    const writer = new MessageWriter().int32(reader.int32())
    const method = reader.text()
    methods.push(method)
    assert.is(method, 'hello')
    writer.text(method).int32(reader.int32()).int32(version)
    reader.int32()
    return joinPieces(writer.text(reader.text()).int32(reader.int32()).finish())
  }
  return {
    start: (onMessage, onEnd) => channel.start((message, release) => onMessage(greeting(message), release), onEnd),
    send: (message) => channel.send(message),
    keepAlive: (isWanted) => channel.keepAlive(isWanted),
    end: () => channel.end(),
  }
}

for (const version of [PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1]) {
  test(`a client of version ${version} is refused by a holder of version ${PROTOCOL_VERSION}`, async () => {
    const { broker, recovery } = await held(new MemoryStore())
    const methods: string[] = []
    const attached = new AttachedBroker(async () => {
      const [near, far] = loopback()
      new ServedChannel(greetedIn(version, far, methods), broker, recovery, new Set())
      return near
    }, nodePort)
    const error: unknown = await attached.open().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.ok(LogError.is(error, 'UNSUPPORTED_VERSION'), String(error))
    assert.equal((error as LogError).details, { version, supported: PROTOCOL_VERSION })
    // Its user hears what to do, whichever of the two is the newer one.
    const versions = new RegExp(
      `version ${PROTOCOL_VERSION} .* version ${version}: run the same oncelog in all processes`,
    )
    assert.match((error as LogError).message, versions)
    assert.equal(methods, ['hello'])
    await broker.close()
  })
}

test.run()
