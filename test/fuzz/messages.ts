import { joinPieces } from '../../bindings/engine/remote/message-pieces.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import type { Bytes } from './target.ts'
import { viewOf } from './target.ts'

/** Messages of a channel as one input: each after its length. */
export function joinMessages(messages: readonly Bytes[]): Bytes {
  const all = new Uint8Array(messages.reduce((sum, { length }) => sum + 2 + length, 0))
  let at = 0
  for (const message of messages) {
    viewOf(all).setUint16(at, message.length)
    all.set(message, at + 2)
    at += 2 + message.length
  }
  return all
}

/** The last one may be cut. */
export function splitMessages(bytes: Bytes): readonly Bytes[] {
  const messages: Bytes[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const length = viewOf(bytes).getUint16(at)
    messages.push(bytes.slice(at + 2, at + 2 + length))
    at += 2 + length
  }
  return messages
}

export function messageOf(write: (writer: MessageWriter) => void): Bytes {
  const writer = new MessageWriter()
  write(writer)
  return joinPieces(writer.finish()).slice()
}

/** A request as Link writes it. */
export function request(call: number, method: string, session: number, write?: (writer: MessageWriter) => void): Bytes {
  return messageOf((writer) => {
    writer.int32(call).text(method).int32(session)
    write?.(writer)
  })
}
