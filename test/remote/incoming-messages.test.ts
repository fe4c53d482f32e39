// A socket cuts what is written to it wherever it likes: the messages come out as they went in.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { IncomingMemory } from '../../bindings/engine/remote/incoming-memory.ts'
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
  const incoming = new IncomingMessages((message) => seen.push(message), new IncomingMemory())
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

test('a message comes with its last byte, before anything after it is read', () => {
  const seen: number[] = []
  const incoming = new IncomingMessages((message) => seen.push(message.length), new IncomingMemory())
  incoming.read(Buffer.concat([head(2), Buffer.from([1])]))
  assert.equal(seen, [])
  incoming.read(Buffer.from([2]))
  assert.equal(seen, [2])
  incoming.read(head(0))
  assert.equal(seen, [2, 0])
})

test('a length that no message has: nothing more is read', () => {
  const seen: unknown[] = []
  const incoming = new IncomingMessages((message) => seen.push(message), new IncomingMemory())
  assert.not.ok(incoming.read(head(MESSAGE_BYTES_MAX + 1)))
  assert.equal(seen, [])
})

test('the memory of a message that was given back is that of a later one, which comes whole all the same', () => {
  const memory = new IncomingMemory()
  const buffers = new Set<ArrayBuffer>()
  const releases: (() => void)[] = []
  const sums: number[] = []
  const incoming = new IncomingMessages((message, release) => {
    buffers.add(message.buffer)
    releases.push(release)
    sums.push(
      message.length,
      message.reduce((sum, byte) => sum + byte, 0),
    )
  }, memory)
  const send = (length: number, byte: number) => {
    incoming.read(Buffer.concat([head(length), Buffer.alloc(length, byte)]))
    return [length, length * byte]
  }
  const expected = [...send(50_000, 1), ...send(50_000, 2)]
  assert.is(buffers.size, 2, 'the first one is still in use')
  for (const release of releases.splice(0)) release()
  expected.push(...send(40_000, 3), ...send(50_000, 4), ...send(3, 5))
  assert.is(buffers.size, 4, 'one was spare; short messages have their own')
  for (const release of releases.splice(0)) release()
  expected.push(...send(60_000, 6))
  assert.is(buffers.size, 5, 'none that is large enough')
  assert.equal(sums, expected)
})

test('memory above a bound isn’t kept', () => {
  const memory = new IncomingMemory()
  const large = memory.take(2 ** 21 + 1)
  memory.give(large)
  assert.is.not(memory.take(2 ** 21).buffer, large.buffer)
})

test('of a message that there is no memory for its beginning alone comes, and the next one whole, wherever it is cut', () => {
  const { allocUnsafeSlow } = Buffer
  Buffer.allocUnsafeSlow = (size) => {
    if (size > 100) throw new RangeError('Array buffer allocation failed')
    return allocUnsafeSlow(size)
  }
  try {
    const sent = Buffer.concat([head(200), Buffer.alloc(200, 7), head(3), Buffer.from([1, 2, 3]), head(0)])
    for (let cut = 0; cut <= sent.length; cut++) {
      const pieces = [sent.subarray(0, cut), sent.subarray(cut)]
      assert.equal(
        readAll(pieces.map((piece) => Buffer.from(piece))).map((message) => [...message]),
        [[7, 7, 7, 7], [1, 2, 3], []],
      )
    }
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow
  }
})

test.run()
