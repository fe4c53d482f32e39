/**
 * The running checksum over the heads of a segment's batches tells which of them has a flipped bit, however many there
 * are.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createKernel } from '../../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../../bindings/kernel/load-kernel.ts'
import { chainHeader, NO_BATCHES, UNCHECKED_BYTES } from '../../../bindings/log/segment/header-checksum.ts'
import { flippedHead } from '../../../bindings/log/survey/flipped-head.ts'
import { runTask } from '../../../bindings/storage/run-task.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'

const COUNT = 20_000
const kernel = createKernel(loadKernelModule(), { capBytes: 16 * 1024 * 1024 })
const random = new Random(3)
const heads = Array.from({ length: COUNT }, () => {
  const head = new Uint8Array(UNCHECKED_BYTES)
  random.fill(head)
  return head
})
const sumOf = () => heads.reduce((sum, head) => chainHeader(kernel, sum, head), NO_BATCHES)
const whole = sumOf()

function flip(index: number, bit: number): void {
  const head = heads[index] as Uint8Array
  head[bit >> 3] = (head[bit >> 3] ?? 0) ^ (1 << (bit & 7))
}

test('one flipped bit is found, anywhere', async () => {
  for (const index of [0, 1, COUNT >> 1, COUNT - 2, COUNT - 1]) {
    const bit = random.below(UNCHECKED_BYTES * 8)
    flip(index, bit)
    assert.is(await runTask(flippedHead(kernel, sumOf() ^ whole, COUNT)), index, `bit ${bit} of ${index}`)
    flip(index, bit)
  }
})

test('two bits of two heads are not taken for one', async () => {
  flip(5, 3)
  flip(COUNT - 9, 100)
  assert.is(await runTask(flippedHead(kernel, sumOf() ^ whole, 200)), undefined)
  flip(5, 3)
  flip(COUNT - 9, 100)
  assert.is(sumOf(), whole)
})

test.run()
