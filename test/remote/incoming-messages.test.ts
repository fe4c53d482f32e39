// A socket cuts what is written to it wherever it likes: the messages come out as they went in.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HEAD_BYTES, IncomingMessages } from '../../bindings/engine/remote/incoming-messages.ts'
import { MESSAGE_BYTES_MAX } from '../../bindings/engine/remote/protocol.ts'

const MESSAGES = [[1, 2, 3], [], [4], [], [], [5, 6, 7, 8, 9, 10], [11, 12]].map((bytes) => Buffer.from(bytes))

function head(length: number): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES)
  bytes.writeUInt32LE(length)
  return bytes
}

const stream = Buffer.concat(MESSAGES.flatMap((message) => [head(message.length), message]))

function readAll(pieces: readonly Buffer[]): Uint8Array[] {
  const seen: Uint8Array[] = []
  const incoming = new IncomingMessages((message) => seen.push(message))
  for (const piece of pieces) {
    assert.ok(incoming.read(piece))
    // A piece is the socket's: what came of it must not need it any more.
    piece.fill(255)
  }
  return seen
}

test('cut at any two places, and byte by byte', () => {
  const expected = MESSAGES.map((message) => [...message])
  const check = (pieces: readonly Uint8Array[]) => {
    const copies = pieces.map((piece) => Buffer.from(piece))
    assert.equal(
      readAll(copies).map((message) => [...message]),
      expected,
    )
  }
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      check([stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)])
    }
  }
  check(Array.from(stream, (_, at) => stream.subarray(at, at + 1)))
})

test('a message comes with its last byte, before anything behind it is read', () => {
  const seen: number[] = []
  const incoming = new IncomingMessages((message) => seen.push(message.length))
  incoming.read(Buffer.concat([head(2), Buffer.from([1])]))
  assert.equal(seen, [])
  incoming.read(Buffer.from([2]))
  assert.equal(seen, [2])
  incoming.read(head(0))
  assert.equal(seen, [2, 0])
})

test('a length that no message has: nothing more is read', () => {
  const seen: unknown[] = []
  const incoming = new IncomingMessages((message) => seen.push(message))
  assert.not.ok(incoming.read(head(MESSAGE_BYTES_MAX + 1)))
  assert.equal(seen, [])
})

test.run()
