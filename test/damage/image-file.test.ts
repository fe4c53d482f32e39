// What a test does to a fork leaves the original alone.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ImageFile } from './image-file.ts'

test('a fork of a file that holds nothing but zeros is written to: the original holds zeros still', () => {
  const zeros = new ImageFile()
  zeros.write(new Uint8Array(10_000), 0)
  zeros.fork().write(new TextEncoder().encode('written'), 5000)
  assert.ok(zeros.bytes().every((byte) => byte === 0))
})

test.run()
