// A batch that fails while it is encoded leaves no open batch in the kernel: later appends aren't refused because of
// it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeBatch } from '../../../bindings/log/partition/encode.ts'
import type { EncodedRecord } from '../../../bindings/model/records.ts'
import { newKernel, noProducer } from '../../kernel/support.ts'

const whole: EncodedRecord = { key: null, value: 'whole', timestamp: undefined, headers: undefined }

/** Whole as long as its size is asked for, and gone when it is written. */
function vanishing(): EncodedRecord {
  let looks = 0
  return Object.defineProperty({ ...whole }, 'value', {
    get: () => {
      if (looks++ > 0) throw new Error('its value is gone')
      return 'value'
    },
  })
}

for (const [what, records, told] of [
  ['whose second record throws', [whole, vanishing()], /record 1 of its batch threw/],
  ['without records', [], /nothing to seal/],
] as const) {
  test(`after a batch ${what} the next one is written`, () => {
    const kernel = newKernel()
    assert.throws(() => encodeBatch(kernel, records, noProducer, 0), told)
    assert.ok(encodeBatch(kernel, [whole], noProducer, 0).length > 61)
  })
}

test.run()
