// Which records are seen: none before those that wait in front of it for stable storage have it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Watermarks } from '../../../bindings/log/partition/watermarks.ts'

test('of thousands of batches that wait each is seen once it is durable, and none sooner', () => {
  const count = 5000
  const watermarks = new Watermarks(0, 0, 1e9)
  for (let offset = 0; offset < count; offset++) {
    watermarks.wait(offset, offset + 1)
    watermarks.nextOffset = offset + 1
  }
  for (let durable = 0; durable <= count; durable += 250) {
    watermarks.advanceDurable(durable)
    assert.is(watermarks.highWatermark, durable)
  }
})

test.run()
