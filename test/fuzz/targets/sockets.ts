import { mkdtempSync, rmSync } from 'node:fs'
import * as net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Channel } from '../../../bindings/engine/remote/channel.ts'
import type { Listener } from '../../../bindings/engine/remote/listener.ts'
import { listenForAttached, SOCKET_FILE } from '../../../bindings/engine/remote/local-socket.ts'
import { type Bytes, type FuzzTarget, Refused, toHex, viewOf, Wrong } from '../target.ts'

/** Of local-socket.ts: a longer message ends the channel. */
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024

/**
 * Messages after their lengths, as they go over a socket; the first byte of an input says how they are cut into pieces.
 */
function streamOf(messages: readonly (readonly number[])[]): Bytes {
  const all = messages.flatMap((message) => {
    const head = new Uint8Array(4)
    viewOf(head).setUint32(0, message.length, true)
    return [...head, ...message]
  })
  return new Uint8Array([5, ...all])
}

/**
 * Bytes of a socket are messages, whole, in order and each once; what is too long or never whole is none, and ends it.
 */
export function socketTarget(received: (channel: Channel, into: Bytes[]) => void = receive): FuzzTarget {
  let directory = ''
  let listener: Listener | undefined
  let got: Bytes[] = []
  const begin = async () => {
    directory = mkdtempSync(join(tmpdir(), 'oncelog-fuzz-'))
    listener = await listenForAttached(directory, (channel) => received(channel, got))
    listener.keepAlive(true)
  }
  return {
    name: 'bytes of a socket',
    share: 3,
    whole: [[], [[1, 2, 3]], [[7], [8, 9], []], [Array.from({ length: 300 }, (_, at) => at % 256), [1]]].map(streamOf),
    async take(bytes) {
      if (listener === undefined) await begin()
      got = []
      const stream = bytes.subarray(1)
      await say(join(directory, SOCKET_FILE), stream, 1 + (bytes[0] ?? 0))
      const { messages, isWhole } = messagesIn(stream)
      if (got.map(toHex).join() !== messages.map(toHex).join())
        throw new Wrong(`${got.length} messages, not ${messages.length}`)
      if (!isWhole) throw new Refused('not all of it')
    },
    async end() {
      listener?.close()
      listener = undefined
      if (directory !== '') rmSync(directory, { recursive: true, force: true })
    },
  }
}

export function receive(channel: Channel, into: Bytes[]): void {
  channel.start(
    (message) => into.push(message),
    () => {},
  )
}

/** Resolves when both ends are closed. */
function say(path: string, bytes: Bytes, pieceBytes: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(path)
    socket.on('error', () => {})
    socket.once('close', () => resolve())
    socket.once('connect', () => {
      socket.setNoDelay(true)
      for (let at = 0; at < bytes.length; at += pieceBytes) socket.write(bytes.subarray(at, at + pieceBytes))
      socket.end()
    })
    socket.resume()
  })
}

function messagesIn(stream: Bytes): { readonly messages: readonly Bytes[]; readonly isWhole: boolean } {
  const messages: Bytes[] = []
  let at = 0
  while (at + 4 <= stream.length) {
    const length = viewOf(stream).getUint32(at, true)
    if (length > MESSAGE_BYTES_MAX || at + 4 + length > stream.length) break
    messages.push(stream.slice(at + 4, at + 4 + length))
    at += 4 + length
  }
  return { messages, isWhole: at === stream.length }
}
