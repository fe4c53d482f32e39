// Every whole frame of a journal file is found, wherever it begins, with few readings of the file.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FRAME_HEADER_BYTES } from '../../../bindings/log/journal/frame.ts'
import { FrameBuilder } from '../../../bindings/log/journal/frame-builder.ts'
import { type Boundary, FrameWalk } from '../../../bindings/log/journal/frame-walk.ts'
import { alignFrame, FRAME_ALIGNMENT } from '../../../bindings/log/journal/layout.ts'
import { allocate, newKernel } from '../../kernel/support.ts'

const NONCE = 123_456_789_012
const WINDOW_BYTES = 16 * FRAME_ALIGNMENT
const KEY = { topicId: 'AAAAAAAAAAAAAAAAAAAABA', partition: 2 }
const kernel = newKernel()
const frameBuffer = allocate(kernel, WINDOW_BYTES)
const window = allocate(kernel, WINDOW_BYTES)

/** `sizeBytes`: of its payload's run of batches. */
function frame(sequence: number, sizeBytes: number): Uint8Array {
  const builder = new FrameBuilder(kernel, frameBuffer)
  builder.begin(WINDOW_BYTES)
  const run = { ...KEY, baseOffset: 0, nextOffset: 1, segmentBaseOffset: 0, position: 0, maxTimestamp: 0 }
  builder.batches('batches', { ...run, lengthBytes: sizeBytes }).fill(sequence)
  return builder.seal({ nonce: NONCE, generation: 1, sequence, restates: -1 }).slice(0, builder.sizeBytes)
}

function walked(content: Uint8Array): {
  sequences: readonly number[]
  boundaries: readonly number[]
  readings: number
} {
  const sequences: number[] = []
  const boundaries: number[] = []
  let readings = 0
  const file = {
    path: 'journal/00000000.ring',
    size: () => content.length,
    read(into: Uint8Array, position: number) {
      readings++
      const bytes = content.subarray(position, position + into.length)
      into.set(bytes)
      return bytes.length
    },
  }
  const see = ({ position, header, bytes }: Boundary) => {
    boundaries.push(position)
    if (header === undefined) return
    assert.ok(bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + header.payloadBytes).includes(header.sequence))
    sequences.push(header.sequence)
  }
  new FrameWalk(kernel, window, NONCE, see).visitFile(file as unknown as Boundary['file'])
  return { sequences, boundaries, readings }
}

/** Frames one after the other, each from a boundary on. */
function ring(frames: readonly Uint8Array[], sizeBytes?: number): Uint8Array {
  const spans = frames.map((each) => alignFrame(each.length))
  const content = new Uint8Array(sizeBytes ?? spans.reduce((sum, span) => sum + span, 0))
  let at = 0
  for (const [index, each] of frames.entries()) {
    content.set(each, at)
    at += spans[index] ?? 0
  }
  return content
}

test('a file as large as the memory is read once, whatever lies in it', () => {
  assert.is(walked(new Uint8Array(WINDOW_BYTES)).readings, 1)
  const frames = Array.from({ length: 16 }, (_, index) => frame(index + 1, 10))
  const { sequences, readings } = walked(ring(frames))
  assert.equal(
    sequences,
    frames.map((_, index) => index + 1),
  )
  assert.is(readings, 1)
})

test('a frame that one reading cuts off comes whole with the next', () => {
  const sizes = [9, 5, 7, 3, 11, 15, 1].map((pages) => pages * FRAME_ALIGNMENT - 200)
  const content = ring(sizes.map((size, index) => frame(index + 1, size)))
  const { sequences, readings } = walked(content)
  assert.equal(sequences, [1, 2, 3, 4, 5, 6, 7])
  assert.ok(readings <= 2 * Math.ceil(content.length / WINDOW_BYTES), `${readings} readings`)
})

test('what no whole frame begins at is looked at boundary by boundary, and told where magic or version say that one was meant', () => {
  const content = ring([frame(1, 3 * FRAME_ALIGNMENT), frame(2, 10), frame(3, 10), frame(4, 10)], 16 * FRAME_ALIGNMENT)
  const pages = [0, 4, 5, 6].map((page) => page * FRAME_ALIGNMENT)
  const [first = 0, , third = 0, fourth = 0] = pages
  content[first + FRAME_ALIGNMENT] = 255
  content[third] = 0
  content.fill(0, fourth + 4, fourth + 6)
  const { sequences, boundaries } = walked(content)
  assert.equal(sequences, [2], "a flipped byte, and the frame isn't whole")
  assert.equal(boundaries, pages)
})

test('a frame that says it is longer than the file, or than any frame, hides none after it', () => {
  for (const announced of [0xffff_ffff, WINDOW_BYTES, 2 * FRAME_ALIGNMENT]) {
    const content = ring([frame(1, 10), frame(2, 10), frame(3, 10)])
    new DataView(content.buffer).setUint32(FRAME_ALIGNMENT + 40, announced)
    assert.equal(walked(content).sequences, [1, 3], `it announced ${announced} bytes`)
  }
})

test('a head that ends with its file is seen as far as it goes', () => {
  const content = new Uint8Array(FRAME_ALIGNMENT + 20)
  content.set(frame(1, 10).subarray(0, 20), FRAME_ALIGNMENT)
  assert.equal(walked(content).boundaries, [FRAME_ALIGNMENT])
  assert.equal(walked(content).sequences, [])
})

test.run()
