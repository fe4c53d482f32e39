import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type ProducerTable,
  type ProducerWindow,
  SEQUENCE_ACCEPTED,
  SEQUENCE_BELOW_WINDOW,
  SEQUENCE_OUT_OF_ORDER,
  SEQUENCE_STALE_EPOCH,
} from '../../bindings/kernel/kernel.ts'
import { failAllocation } from '../../bindings/kernel/kernel-seams.ts'
import { WindowReference } from './reference.ts'
import { newKernel, type Random, seeded } from './support.ts'

const kernel = newKernel(256 << 20)
const circle = 2147483648
const P = 4000

/** Five batches of ten records from sequence `first` on, at base offsets 0, 100, 200, 300, 400. */
function five(first: number): ProducerTable {
  const table = kernel.producerTable()
  for (let batch = 0; batch < 5; batch++) table.push(P, 0, (first + batch * 10) % circle, 10, batch * 100, 1000 + batch)
  return table
}

test('a new producer may begin with any sequence', () => {
  const table = kernel.producerTable()
  assert.is(table.check(P, 0, 0, 1), SEQUENCE_ACCEPTED)
  assert.is(table.check(P, 7, 12345, 1), SEQUENCE_ACCEPTED)
  assert.is(table.producerCount, 0)
})

test('a state without an epoch takes any sequence, and one that is loaded forgets the batches before', () => {
  const table = five(0)
  const loaded = { producerId: P, coordinatorEpoch: -1, currentTransactionFirstOffset: -1, batches: [] }
  table.load({ ...loaded, producerEpoch: 0 })
  assert.equal(
    [...table.windows()].map(({ batches }) => batches),
    [[]],
  )
  assert.is(table.check(P, 0, 40, 10), SEQUENCE_OUT_OF_ORDER)
  table.load({ ...loaded, producerEpoch: -1 })
  assert.is(table.check(P, 0, 77, 1), SEQUENCE_ACCEPTED)
  assert.is(table.check(P, 3, 78, 1), SEQUENCE_ACCEPTED)
  table.free()
})

test('each of the five newest batches is a duplicate that answers with its base offset', () => {
  const table = five(0)
  for (let batch = 0; batch < 5; batch++) assert.is(table.check(P, 0, batch * 10, 10), batch * 100)
  assert.is(table.check(P, 0, 50, 10), SEQUENCE_ACCEPTED)
  table.push(P, 0, 50, 10, 500, 2000)
  assert.is(table.check(P, 0, 0, 10), SEQUENCE_BELOW_WINDOW, 'the sixth pushed the first out')
  assert.is(table.check(P, 0, 10, 10), 100)
  table.free()
})

test('gaps and partial overlaps are out of order', () => {
  const table = five(100)
  for (const [first, count, what] of [
    [151, 10, 'a gap of one'],
    [1000, 1, 'a gap'],
    [100, 9, 'a duplicate cut short'],
    [100, 11, 'a duplicate that goes on'],
    [101, 9, 'the rest of a duplicate'],
    [140, 20, 'the newest and more'],
    [149, 2, 'its last record and one more'],
    [95, 10, 'half below the window'],
    [99, 2, 'one below the window'],
    [100, 50, 'all five as one'],
  ] as const)
    assert.is(table.check(P, 0, first, count), SEQUENCE_OUT_OF_ORDER, what)
  for (const [first, count] of [
    [0, 1],
    [0, 100],
    [99, 1],
    [50, 50],
  ] as const)
    assert.is(table.check(P, 0, first, count), SEQUENCE_BELOW_WINDOW, `${first} + ${count}`)
  table.free()
})

test('sequences wrap from 2147483647 to 0', () => {
  const table = kernel.producerTable()
  table.push(P, 0, 2147483637, 21, 1000, 1)
  assert.is(table.check(P, 0, 2147483637, 21), 1000)
  assert.is(table.check(P, 0, 10, 5), SEQUENCE_ACCEPTED, 'first 2147483637 with 21 records ends at 9')
  assert.is(table.check(P, 0, 11, 5), SEQUENCE_OUT_OF_ORDER, 'a gap of one')
  assert.is(table.check(P, 0, 9, 5), SEQUENCE_OUT_OF_ORDER)
  assert.is(table.check(P, 0, 2147483637, 11), SEQUENCE_OUT_OF_ORDER)
  table.free()

  const exact = five(circle - 50)
  assert.is(exact.check(P, 0, 0, 1), SEQUENCE_ACCEPTED, 'the last batch ended at 2147483647')
  for (const first of [1, 2, 1000]) {
    assert.is(exact.check(P, 0, first, 1), SEQUENCE_OUT_OF_ORDER, 'a gap after the wrap, nothing that was written')
  }
  assert.is(exact.check(P, 0, circle - 60, 10), SEQUENCE_BELOW_WINDOW)
  for (let batch = 0; batch < 6; batch++) exact.push(P, 0, batch * 10, 10, 500 + batch * 100, 1)
  assert.is(exact.check(P, 0, circle - 10, 10), SEQUENCE_BELOW_WINDOW, 'below the window, across the wrap')
  assert.is(exact.check(P, 0, circle - 5, 10), SEQUENCE_BELOW_WINDOW, 'wholly below: 0 to 9 were pushed out')
  assert.is(exact.check(P, 0, circle - 5, 16), SEQUENCE_OUT_OF_ORDER, 'into the window')
  exact.free()
})

test('below fewer than five batches nothing was surely written: the producer may have begun there', () => {
  const table = kernel.producerTable()
  for (let batch = 0; batch < 5; batch++) {
    if (batch > 0) assert.is(table.check(P, 0, 100, 10), SEQUENCE_OUT_OF_ORDER, `${batch}`)
    table.push(P, 0, 110 + batch * 10, 10, batch * 100, 1)
  }
  assert.is(table.check(P, 0, 100, 10), SEQUENCE_BELOW_WINDOW)
  table.free()
})

test('without a wrap a number above the window is never taken for one below it', () => {
  const table = five(0)
  assert.is(table.check(P, 0, circle - 10, 10), SEQUENCE_OUT_OF_ORDER)
  table.free()
})

test('epochs: an older one is stale, a newer one begins at 0 and forgets the window', () => {
  const table = kernel.producerTable()
  table.push(P, 3, 0, 10, 100, 1)
  assert.is(table.check(P, 2, 0, 10), SEQUENCE_STALE_EPOCH)
  assert.is(table.check(P, 2, 10, 10), SEQUENCE_STALE_EPOCH)
  assert.is(table.check(P, 4, 10, 10), SEQUENCE_OUT_OF_ORDER)
  assert.is(table.check(P, 4, 0, 10), SEQUENCE_ACCEPTED)
  assert.is(table.check(P, 3, 0, 10), 100, 'a check changes nothing')
  table.push(P, 4, 0, 10, 200, 2)
  assert.is(table.check(P, 4, 0, 10), 200)
  assert.is(table.check(P, 3, 0, 10), SEQUENCE_STALE_EPOCH)
  table.free()
})

/** One call that lies near what the model knows: next, duplicate, overlap, gap, below, other epoch. */
function call(random: Random, model: WindowReference): { epoch: number; first: number; count: number } {
  const epoch = Math.max(0, model.epoch) + (random.chance(0.93) ? 0 : random.pick([-1, 1]))
  const next = (model.next ?? random.pick([0, circle - 30])) % circle
  const count = 1 + random.below(12)
  if (random.chance(0.5)) return { epoch, first: epoch > model.epoch && model.epoch >= 0 ? 0 : next, count }
  const known = model.batches.length > 0 ? random.pick(model.batches) : undefined
  if (known !== undefined && random.chance(0.4)) return { epoch, first: known.first % circle, count: known.count }
  return { epoch, first: (next + random.below(160) - 120 + circle) % circle, count }
}

test(
  'random histories of many producers equal a model whose sequences never wrap',
  seeded(41, (random) => {
    const answers = new Map<number, number>()
    for (let round = 0; round < 12; round++) {
      const table = kernel.producerTable()
      const models = new Map<number, WindowReference>()
      const ids = Array.from({ length: 1 + random.below(60) }, () =>
        random.pick([random.below(100), 2 ** 40 + random.below(9)]),
      )
      for (let step = 0; step < 6000; step++) {
        const id = random.pick(ids)
        const model = models.get(id) ?? new WindowReference()
        const { epoch, first, count } = call(random, model)
        if (epoch < 0) continue
        const expected = model.check(epoch, first, count)
        assert.is(table.check(id, epoch, first, count), expected, `step ${step}: ${id} ${epoch} ${first} ${count}`)
        answers.set(Math.min(expected, 0), (answers.get(Math.min(expected, 0)) ?? 0) + 1)
        assert.ok(table.reserve())
        if (expected !== SEQUENCE_ACCEPTED) continue
        table.push(id, epoch, first, count, step, step)
        model.push(epoch, first, count, step)
        models.set(id, model)
        if (random.chance(0.01)) {
          table.remove(id)
          models.delete(id)
        }
        assert.is(table.producerCount, models.size)
      }
      table.free()
    }
    for (const answer of [0, -1, -2, -3, -4]) assert.ok((answers.get(answer) ?? 0) > 100, `answer ${answer}`)
  }),
)

test(
  'producers come and go in any order, and every other one stays found',
  seeded(42, (random) => {
    const table = kernel.producerTable()
    const alive = new Map<number, number>()
    for (let step = 0; step < 20000; step++) {
      const id = random.pick([random.below(300), random.below(300) * 1024, 9007199254740991 - random.below(300)])
      if (alive.has(id)) {
        table.remove(id)
        alive.delete(id)
      } else {
        table.push(id, 0, step, 1, step, step)
        alive.set(id, step)
      }
      table.remove(12345.0 + 1e9)
      if (step % 500 === 0) {
        for (const [known, at] of alive) assert.is(table.check(known, 0, at, 1), at)
        const found = [...table.windows()].map((window) => window.producerId).sort((a, b) => a - b)
        assert.equal(
          found,
          [...alive.keys()].sort((a, b) => a - b),
        )
      }
    }
    table.free()
  }),
)

test('windows are read out and loaded again unchanged', () => {
  const table = five(circle - 25)
  table.push(7, 2, 0, 3, 50, 60)
  const windows = [...table.windows()]
  assert.equal(windows[1], {
    producerId: 7,
    producerEpoch: 2,
    coordinatorEpoch: -1,
    currentTransactionFirstOffset: -1,
    batches: [{ firstSequence: 0, lastSequence: 2, baseOffset: 50, lastOffset: 52, timestamp: 60 }],
  })
  assert.equal(windows[0]?.batches[2], {
    firstSequence: circle - 5,
    lastSequence: 4,
    baseOffset: 200,
    lastOffset: 209,
    timestamp: 1002,
  })
  const open: ProducerWindow = {
    producerId: 9,
    producerEpoch: 1,
    coordinatorEpoch: 3,
    currentTransactionFirstOffset: 0,
    batches: [],
  }
  const copy = kernel.producerTable()
  for (const window of [...windows, open]) assert.ok(copy.load(window))
  assert.equal([...copy.windows()], [...windows, open])
  assert.is(copy.check(P, 0, circle - 25, 10), 0)
  assert.is(copy.check(P, 0, 25, 1), SEQUENCE_ACCEPTED)
  assert.is(copy.check(9, 1, 0, 1), SEQUENCE_ACCEPTED, 'an epoch without a batch begins at 0')
  assert.is(copy.check(9, 1, 1, 1), SEQUENCE_OUT_OF_ORDER)
  assert.ok(copy.load({ ...open, producerEpoch: 5 }), 'a second load replaces')
  assert.is(copy.producerCount, 3)
  table.free()
  copy.free()
})

test('windows name their batches oldest first, wherever the ring stands', () => {
  const table = kernel.producerTable()
  for (let batch = 0; batch < 13; batch++) {
    table.push(P, 0, batch * 10, 10, batch * 100, batch)
    const expected = Array.from({ length: Math.min(batch + 1, 5) }, (_, index) => Math.max(0, batch - 4) + index)
    const [window] = [...table.windows()]
    assert.equal(
      window?.batches.map((known) => known.baseOffset / 100),
      expected,
    )
    assert.equal(
      window?.batches.map((known) => known.timestamp),
      expected,
    )
  }
  table.free()
})

test('a table without producers holds no memory', () => {
  const before = kernel.memory.usedBytes
  const table = kernel.producerTable()
  assert.is(table.check(1, 0, 0, 1), SEQUENCE_ACCEPTED)
  table.remove(1)
  assert.is(kernel.memory.usedBytes, before)
  table.push(1, 0, 0, 1, 0, 0)
  assert.is(kernel.memory.usedBytes, before + 512)
  for (let id = 2; id < 1000; id++) table.push(id, 0, 0, 1, 0, 0)
  table.free()
  assert.is(kernel.memory.usedBytes, before)
})

test('memory is freed as producers are removed; those that stay are unchanged, and what was reserved stays', () => {
  const before = kernel.memory.usedBytes
  const table = kernel.producerTable()
  const count = 20_000
  for (let id = 0; id < count; id++) {
    assert.ok(table.reserve())
    table.push(id, 0, 0, 3, id * 3, 1)
  }
  const most = kernel.memory.usedBytes - before
  for (let id = 7; id < count; id++) table.remove(id)
  assert.is(table.producerCount, 7)
  assert.ok(kernel.memory.usedBytes - before <= most / 500, `${kernel.memory.usedBytes - before} bytes of ${most}`)
  for (let id = 0; id < 7; id++) {
    assert.is(table.check(id, 0, 0, 3), id * 3, 'a duplicate')
    assert.is(table.check(id, 0, 3, 1), SEQUENCE_ACCEPTED)
  }
  assert.equal([...table.windows()].map(({ producerId }) => producerId).sort(), [0, 1, 2, 3, 4, 5, 6])
  assert.ok(table.reserve())
  for (let id = 0; id < 7; id++) table.remove(id)
  table.push(99, 0, 0, 1, 5, 1)
  assert.is(table.check(99, 0, 0, 1), 5)
  table.free()
  assert.is(kernel.memory.usedBytes, before)
})

test('at the cap a known producer is loaded, as a marker needs it', () => {
  const table = kernel.producerTable()
  for (const producerId of [P, P + 1]) table.push(producerId, 0, 0, 1, 0, 1000)
  const loaded = { producerEpoch: 1, coordinatorEpoch: 0, currentTransactionFirstOffset: -1, batches: [] }
  failAllocation(kernel, 1)
  assert.ok(table.load({ ...loaded, producerId: P }))
  assert.is(table.check(P, 0, 1, 1), SEQUENCE_STALE_EPOCH)
  assert.is(table.load({ ...loaded, producerId: P + 2 }), false)
})

test('a table at the cap keeps its size until there is room for a smaller one', () => {
  const small = newKernel(8 << 20)
  const table = small.producerTable()
  for (let id = 0; id < 5000; id++) {
    table.reserve()
    table.push(id, 0, 0, 1, id, 1)
  }
  const blocks = []
  for (let block = small.allocate(512); block !== undefined; block = small.allocate(512)) blocks.push(block)
  for (let id = 1; id < 5000; id++) table.remove(id)
  assert.is(table.check(0, 0, 0, 1), 0)
  for (const block of blocks) block.free()
  const before = small.memory.usedBytes
  table.remove(1)
  table.push(1, 0, 0, 1, 1, 1)
  table.remove(1)
  assert.ok(small.memory.usedBytes < before, `${small.memory.usedBytes} of ${before}`)
  assert.is(table.check(0, 0, 0, 1), 0)
})

test.run()
