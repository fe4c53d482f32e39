import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { msgpack } from '../../../bindings/entry/msgpack.ts'

const codec = msgpack()

for (const [name, value] of Object.entries({
  object: { a: 1, b: 'x', c: [true, null, 1.5] },
  map: new Map<unknown, unknown>([['k', 1]]),
  set: new Set([1, 'two']),
  date: new Date(1_700_000_000_123),
  float64: new Float64Array([1.5, 2.5]),
  int32: new Int32Array([-1, 2 ** 31 - 1]),
  bytes: new Uint8Array([0, 255]),
  bigint: 2n ** 62n,
  undefined: { x: undefined },
})) {
  test(`${name} comes back as what it was`, () => {
    const back = codec.decode(codec.encode(value))
    assert.is(Object.prototype.toString.call(back), Object.prototype.toString.call(value))
    assert.equal(back, value)
  })
}

test('a value owns its bytes: what it was decoded from may change', () => {
  const encoded = codec.encode({ raw: new Uint8Array([1, 2, 3]) })
  const { raw } = codec.decode(encoded) as { raw: Uint8Array }
  encoded.fill(0)
  assert.equal([...raw], [1, 2, 3])
})

test.run()
