// Batches that Kafka 4.0.0 wrote with its own codecs (test/kafka/WriteBatches.java), and framings that other clients
// write.
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lz4 } from '../../bindings/compression/lz4.ts'
import { xxhash32 } from '../../bindings/compression/xxhash32.ts'
import { loadCodecs, nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import { allocate, newKernel, put } from '../kernel/support.ts'

await loadCodecs()

const RECORDS = 40
const file = new Uint8Array(readFileSync('test/compression/fixtures/kafka-compressed.log'))
const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())

/** As WriteBatches.java makes them. */
const expected = Array.from({ length: RECORDS }, (_, index) => ({
  key: index % 5 === 0 ? null : `key-${index}`,
  value: index % 11 === 10 ? null : `{"index":${index},"text":"${'grüß dich '.repeat(index)}"}`,
  timestamp: 1_700_000_000_000 + index * 7 - (index % 2) * 20,
  headers: [...(index % 3 === 0 ? [['source', `row ${index}`]] : []), ...(index % 6 === 0 ? [['empty', null]] : [])],
}))

test('every batch says the same records', () => {
  const kernel = newKernel(16 << 20, nodeCodecs)
  const buffer = allocate(kernel, file.length)
  put(buffer, 0, file)
  const attributes: number[] = []
  for (let position = 0; position < file.length; ) {
    const batch = kernel.batchReader.decode(buffer, position, file.length - position)
    if (typeof batch === 'string') throw new Error(`${batch} at ${position}`)
    const { header, baseOffset, recordCount } = batch
    const found = Array.from({ length: recordCount }, (_, index) => {
      assert.is(batch.offsetOf(index), baseOffset + index)
      const headers = batch.headersOf(index).map(([name, value]) => [name, text(value)])
      return {
        key: text(batch.keyOf(index)),
        value: text(batch.valueOf(index)),
        timestamp: batch.timestampOf(index),
        headers,
      }
    })
    assert.is(baseOffset, attributes.length * RECORDS)
    assert.equal(found, expected, `attributes ${header.attributes}`)
    attributes.push(header.attributes)
    position += header.sizeBytes
  }
  assert.equal(attributes, [0, 1, 2, 3, 4, 2, 3, 3, 4, 4])
})

test('LZ4 blocks that refer to those before them, as the lz4 program writes with -BD', () => {
  const squeezed = new Uint8Array(readFileSync('test/compression/fixtures/dependent.lz4'))
  const line = (index: number) => `${index} ${(index * 7919) % 104_729} the same words again and again\n`
  const plain = Array.from({ length: 3000 }, (_, index) => line(index % 1500)).join('')
  assert.is(Buffer.from(lz4.decompress(squeezed, 1 << 20)).toString(), plain)
  // Taken for independent they reach before their block.
  const independent = Uint8Array.from(squeezed)
  independent[4] = (squeezed[4] as number) | 0x20
  independent[14] = (xxhash32(independent, 4, 14) >>> 8) & 0xff
  assert.throws(() => lz4.decompress(independent, 1 << 20), /before its block/)
})

test.run()
