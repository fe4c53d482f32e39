// Bytes from outside, mutated: taken or refused with a typed error, never another one, and no changed byte under a checksum is taken.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { fuzz } from './fuzz.ts'
import { fuzzTargets } from './targets.ts'

const CASES = 40_000
const kernel = createKernel(loadKernelModule(), { capBytes: 16 * 1024 * 1024 })

for (const target of fuzzTargets(kernel)) {
  test(`${target.name}: ${CASES} cases`, () => {
    const { refused, wrong } = fuzz(target, 1, CASES)
    assert.equal(wrong, [])
    assert.ok(refused > CASES / 10, `${refused} were refused`)
  })
  test(`${target.name}: a decoder that takes everything, or fails otherwise, is found`, () => {
    const failing = { ...target, take: () => (undefined as never as { x: unknown }).x }
    assert.is(fuzz(failing, 1, 100).wrong.length, 1)
    if (target.checkedFrom === undefined) return
    assert.is(fuzz({ ...target, take: () => {} }, 1, 1000).wrong.length, 1)
  })
}

test.run()
