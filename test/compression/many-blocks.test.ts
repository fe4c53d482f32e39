import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lz4 } from '../../bindings/compression/lz4.ts'
import { snappy } from '../../bindings/compression/snappy.ts'
import { xxhash32 } from '../../bindings/compression/xxhash32.ts'

const BLOCKS = 2 * 1024 * 1024
/** A list of the blocks takes more; young objects of the engine take less. */
const MOST_BYTES = 96 * 1024 * 1024

/** One byte in each block, as it is. */
function lz4Crumbs(): Uint8Array {
  const bytes = new Uint8Array(7 + BLOCKS * 5 + 4)
  bytes.set([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40])
  bytes[6] = (xxhash32(bytes, 4, 6) >>> 8) & 0xff
  const view = new DataView(bytes.buffer)
  for (let block = 0; block < BLOCKS; block++) view.setUint32(7 + block * 5, 0x8000_0001, true)
  return bytes
}

/** Nothing in each chunk. */
function snappyCrumbs(): Uint8Array {
  const bytes = new Uint8Array(16 + BLOCKS * 5)
  bytes.set([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
  const view = new DataView(bytes.buffer)
  for (let chunk = 0; chunk < BLOCKS; chunk++) view.setInt32(16 + chunk * 5, 1)
  return bytes
}

function grownBytes(work: () => void): number {
  const before = process.memoryUsage().rss
  work()
  return process.memoryUsage().rss - before
}

test('millions of blocks take no memory but that of what comes out', () => {
  const frame = lz4Crumbs()
  const grown = grownBytes(() => assert.is(lz4.decompress(frame, BLOCKS).length, BLOCKS))
  assert.ok(grown < MOST_BYTES, `${grown} bytes`)
})

test('millions of chunks take none', () => {
  const frame = snappyCrumbs()
  const grown = grownBytes(() => assert.is(snappy.decompress(frame, BLOCKS).length, 0))
  assert.ok(grown < MOST_BYTES, `${grown} bytes`)
})

test.run()
