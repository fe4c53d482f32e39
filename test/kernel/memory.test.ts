import { instantiateSync } from '@assemblyscript/loader'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { zstdOf } from '../../bindings/compression/zstd.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import type { KernelExports } from '../../bindings/kernel/exports.ts'
import type { Kernel, KernelBuffer } from '../../bindings/kernel/kernel.ts'
import { failAllocation, restartKernel, trapKernel } from '../../bindings/kernel/kernel-seams.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { allocate, newKernel, noProducer, seeded } from './support.ts'

const capBytes = 4 << 20

/** As many bytes of one size as the cap allows. */
function fill(kernel: Kernel, sizeBytes: number): KernelBuffer[] {
  const buffers: KernelBuffer[] = []
  for (;;) {
    const buffer = kernel.allocate(sizeBytes)
    if (buffer === undefined) return buffers
    buffers.push(buffer)
  }
}

/** One comparison with themselves, moved by one: a loop over so many bytes takes seconds. */
function areAll(bytes: Uint8Array, value: number): boolean {
  return bytes[0] === value && Buffer.compare(bytes.subarray(1), bytes.subarray(0, -1)) === 0
}

test('the cap holds, whatever the sizes, and nearly all of it can be had', () => {
  for (const sizeBytes of [1, 512, 513, 4096, 32768, 32769, 65536, 65537, 1048588]) {
    // Caps that no number of usual steps ends at, too.
    for (const odd of [capBytes - (7 << 16), capBytes + (9 << 16) + 5]) {
      const other = newKernel(odd)
      fill(other, sizeBytes)
      assert.ok(other.memory.reservedBytes <= odd, `${other.memory.reservedBytes} of ${odd}`)
    }
    const kernel = newKernel(capBytes)
    const buffers = fill(kernel, sizeBytes)
    assert.ok(kernel.memory.reservedBytes <= capBytes)
    assert.ok(buffers.every((buffer) => buffer.sizeBytes >= sizeBytes))
    const taken = buffers.reduce((sum, buffer) => sum + buffer.sizeBytes, 0)
    assert.is(kernel.memory.usedBytes, taken)
    if (sizeBytes <= 65536) assert.ok(taken >= capBytes - (5 << 16), `${sizeBytes}: ${taken}`)
    for (const buffer of buffers) buffer.free()
    assert.is(kernel.memory.usedBytes, 0)
    const whole = kernel.allocate(capBytes - (5 << 16))
    assert.ok(whole, 'everything is one run again')
  }
})

test('at the cap a block that is freed can be had again, of every size', () => {
  for (const sizeBytes of [512, 1024, 32768, 65536, 200000]) {
    const kernel = newKernel(capBytes)
    const buffers = fill(kernel, sizeBytes)
    for (const place of [0, buffers.length >> 1, buffers.length - 1]) {
      buffers[place]?.free()
      assert.ok(kernel.allocate(sizeBytes), `${sizeBytes} at ${place}`)
      assert.is(kernel.allocate(sizeBytes), undefined)
    }
  }
})

test('a block that nobody holds is not freed: a trap, whatever the binding forgot', () => {
  for (const size of [600, 100_000]) {
    const { kernel_start, block_allocate, block_free } = instantiateSync(loadKernelModule(), {}).instance
      .exports as unknown as KernelExports
    kernel_start(64)
    assert.is(block_allocate(0xffff0001), 0, 'its pages are more than there are addresses')
    const [first, second] = [block_allocate(size), block_allocate(size)]
    block_free(first)
    assert.throws(() => block_free(first), /unreachable/)
    block_free(second)
  }
})

test('sizes beyond any cap are refused, not wrapped', () => {
  const kernel = newKernel(capBytes)
  for (const sizeBytes of [capBytes, 2 ** 31, 2 ** 32 - 1, 2 ** 32 + 1, 1e15])
    assert.is(kernel.allocate(sizeBytes), undefined)
  assert.throws(() => kernel.allocate(-1), /can't allocate -1/)
  assert.throws(() => kernel.allocate(Number.NaN), /can't allocate NaN/)
  assert.throws(() => createKernel(loadKernelModule(), { capBytes: 1000 }), /too small for a log/)
  assert.throws(() => createKernel(loadKernelModule(), { capBytes: 3 << 16 }), /too small for a log/)
})

test('a system without addresses for the memory is told of, and so is the zstd module', () => {
  const { Instance } = WebAssembly
  WebAssembly.Instance = function refuse() {
    throw new RangeError('Out of memory')
  } as unknown as typeof Instance
  try {
    const unavailable = (error: unknown) => LogError.is(error, 'KERNEL_UNAVAILABLE') && /ulimit -v/.test(error.message)
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    assert.throws(() => newKernel(capBytes), unavailable)
    assert.throws(() => zstdOf(() => empty).compress(empty), unavailable)
  } finally {
    WebAssembly.Instance = Instance
  }
})

test('memory grows in steps as it is needed', () => {
  const kernel = newKernel(256 << 20)
  assert.ok(kernel.memory.reservedBytes <= 2 << 20)
  let steps = 0
  let before = kernel.memory.reservedBytes
  for (let count = 0; count < 200; count++) {
    allocate(kernel, 1048588)
    if (kernel.memory.reservedBytes !== before) steps++
    before = kernel.memory.reservedBytes
  }
  assert.ok(steps > 5 && steps < 60, `${steps} steps`)
})

test(
  'random allocations never overlap, and freed memory is joined again',
  seeded(51, (random) => {
    const kernel = newKernel(16 << 20)
    const sizes = [1, 512, 700, 1024, 5000, 16384, 32768, 40000, 65536, 70000, 200000, 1048588]
    const live: { buffer: KernelBuffer; mark: number }[] = []
    const verify = ({ buffer, mark }: { buffer: KernelBuffer; mark: number }): void => {
      const bytes = buffer.bytes(0, buffer.sizeBytes)
      if (!areAll(bytes, mark)) assert.unreachable(`a buffer of ${buffer.sizeBytes} was overwritten`)
    }
    for (let step = 0; step < 2500; step++) {
      if (random.chance(0.52)) {
        const buffer = kernel.allocate(random.pick(sizes))
        if (buffer === undefined) continue
        const mark = random.below(256)
        buffer.bytes(0, buffer.sizeBytes).fill(mark)
        live.push({ buffer, mark })
      } else if (live.length > 0) {
        const [taken] = live.splice(random.below(live.length), 1)
        if (taken === undefined) continue
        verify(taken)
        taken.buffer.free()
      }
      assert.is(
        kernel.memory.usedBytes,
        live.reduce((sum, { buffer }) => sum + buffer.sizeBytes, 0),
      )
    }
    for (const entry of live) verify(entry)
    for (const { buffer } of live) buffer.free()
    assert.is(kernel.memory.usedBytes, 0)
    assert.ok(kernel.allocate(15 << 20), 'one run')
  }),
)

test('a buffer that was freed, or a range that leaves it, is refused', () => {
  const kernel = newKernel(capBytes)
  const buffer = allocate(kernel, 1000)
  const refused = (work: () => unknown): void =>
    assert.throws(work, (error: { code: string }) => error.code === 'INVALID_REQUEST')
  refused(() => buffer.bytes(-1, 5))
  refused(() => buffer.bytes(5, 4))
  refused(() => buffer.bytes(0, buffer.sizeBytes + 1))
  refused(() => buffer.bytes(Number.NaN, 5))
  refused(() => kernel.crc32c(buffer, 1000, 25))
  refused(() => kernel.copy(buffer, 0, buffer, 1000, 100))
  refused(() => kernel.batchReader.fault(buffer, 1000, 100))
  buffer.free()
  refused(() => buffer.free())
  refused(() => buffer.bytes(0, 1))
  refused(() => kernel.crc32c(buffer, 0, 0))
})

test('a restarted kernel has all of its memory again, and the one before is refused', () => {
  const first = newKernel(capBytes)
  const lost = allocate(first, 1000)
  fill(first, 512)
  const second = restartKernel(first, { capBytes })
  assert.is(second.memory.usedBytes, 0)
  assert.is(second.crc32cOf(new TextEncoder().encode('123456789')), 0xe3069283)
  assert.ok(second.allocate(capBytes - (5 << 16)), 'everything is one run again')
  assert.throws(() => lost.bytes(0, 1), /restarted/)
  assert.throws(() => first.allocate(1), /restarted/)
})

test(
  'a restarted kernel knows nothing of what its memory was cut into, nor of a failure that was told to come',
  seeded(12, (random) => {
    let kernel = newKernel(capBytes)
    for (let restarts = 0; restarts < 40; restarts++) {
      const held: { buffer: KernelBuffer; tag: number }[] = []
      for (let step = 0; step < 300; step++) {
        const sizeBytes = random.pick([600, 20_000, 65_536, 200_000])
        const buffer = random.chance(0.6) ? kernel.allocate(sizeBytes) : undefined
        if (buffer !== undefined) {
          buffer.bytes(0, buffer.sizeBytes).fill(step)
          held.push({ buffer, tag: step & 0xff })
        } else if (held.length > 0) {
          const [gone] = held.splice(random.below(held.length), 1)
          assert.ok(gone !== undefined && areAll(gone.buffer.bytes(0, gone.buffer.sizeBytes), gone.tag))
          gone.buffer.free()
        }
      }
      assert.is(
        kernel.memory.usedBytes,
        held.reduce((sum, { buffer }) => sum + buffer.sizeBytes, 0),
      )
      failAllocation(kernel, 1)
      kernel = restartKernel(kernel, { capBytes, codecs: {} })
      allocate(kernel, 600).free()
    }
  }),
)

test('a block is as large as the next power of two, above half a page as so many pages', () => {
  const kernel = newKernel(capBytes)
  for (const [sizeBytes, blockBytes] of [
    [1, 512],
    [512, 512],
    [513, 1024],
    [1024, 1024],
    [32_768, 32_768],
    [32_769, 65_536],
    [65_536, 65_536],
    [65_537, 131_072],
  ] as const)
    assert.is(allocate(kernel, sizeBytes).sizeBytes, blockBytes, `${sizeBytes}`)
})

test('copy moves bytes between buffers and within one', () => {
  const kernel = newKernel(capBytes)
  const [one, two] = [allocate(kernel, 100), allocate(kernel, 70000)]
  one.bytes(0, 5).set([1, 2, 3, 4, 5])
  kernel.copy(one, 0, two, 65530, 5)
  assert.equal([...two.bytes(65530, 65535)], [1, 2, 3, 4, 5])
  kernel.copy(two, 65530, two, 65532, 5)
  assert.equal([...two.bytes(65530, 65537)], [1, 2, 1, 2, 3, 4, 5])
})

/** What can be seen of a table, an index and memory; two of these are equal only when nothing changed. */
interface House {
  readonly kernel: Kernel
  readonly offsets: ReturnType<Kernel['offsetIndex']>
  readonly times: ReturnType<Kernel['timeIndex']>
  readonly producers: ReturnType<Kernel['producerTable']>
  readonly buffers: KernelBuffer[]
  /** How many operations of each kind went through. */
  done: number
}

function seen(house: House): unknown {
  return [
    house.kernel.memory.usedBytes,
    [...house.offsets.bytes()],
    house.offsets.lastOffset,
    [...house.times.bytes()],
    house.times.lastTimestamp,
    [...house.producers.windows()],
    house.buffers.map((buffer) => [...buffer.bytes(0, 4)]),
  ]
}

/** Every operation that may allocate; true when it went through. */
const operations: readonly ((house: House, step: number) => boolean)[] = [
  (house, step) => {
    const buffer = house.kernel.allocate([600, 70000, 1048588][step % 3] as number)
    if (buffer === undefined) return false
    buffer.bytes(0, 4).fill(step)
    house.buffers.push(buffer)
    return true
  },
  (house, step) => house.offsets.append(step + 1, step * 100),
  (house, step) => house.times.append(1000 + step, step),
  (house, step) => {
    if (!house.producers.reserve()) return false
    house.producers.push(step, 0, 0, 1, step, step)
    return true
  },
  (house, step) => {
    const window = { producerId: 1e9 + step, producerEpoch: 1, coordinatorEpoch: 2, currentTransactionFirstOffset: -1 }
    const batches = [{ firstSequence: 0, lastSequence: 4, baseOffset: step, lastOffset: step + 4, timestamp: 5 }]
    return house.producers.load({ ...window, batches })
  },
  (house) => {
    const grown = house.kernel.offsetIndex(0)
    const went = grown.load(house.offsets.bytes().slice())
    assert.is(grown.entryCount, went ? house.offsets.entryCount : 0)
    grown.free()
    return went
  },
  (house) => house.times.load(house.times.bytes().slice()),
]

/** Steps through all operations; a failed one must have changed nothing, and must go through when tried again. */
function run(failing: number): { failures: number; done: number } {
  const kernel = newKernel(32 << 20)
  const house: House = {
    kernel,
    offsets: kernel.offsetIndex(0),
    times: kernel.timeIndex(0),
    producers: kernel.producerTable(),
    buffers: [],
    done: 0,
  }
  let failures = 0
  failAllocation(kernel, failing)
  for (let step = 0; step < 40; step++) {
    for (const operation of operations) {
      const before = seen(house)
      if (!operation(house, step)) {
        failures++
        assert.equal(seen(house), before, `allocation ${failing}`)
        assert.ok(operation(house, step), 'the second try')
      }
      house.done++
    }
    if (step % 10 === 9) for (const buffer of house.buffers.splice(0)) buffer.free()
  }
  return { failures, done: house.done }
}

test('the n-th allocation fails, for every n: the operation says so and has changed nothing', () => {
  let failing = 1
  while (run(failing).failures === 1) failing++
  assert.ok(failing > 100, `${failing} allocations`)
  assert.is(run(failing).failures, 0)
})

test('at the cap every operation says so and has changed nothing', () => {
  const kernel = newKernel(capBytes)
  const offsets = kernel.offsetIndex(0)
  const producers = kernel.producerTable()
  for (let step = 1; step <= 64; step++) assert.ok(offsets.append(step, step))
  fill(kernel, 65536)
  fill(kernel, 512)
  const used = kernel.memory.usedBytes
  assert.not.ok(offsets.append(65, 65))
  assert.not.ok(producers.reserve())
  assert.is(offsets.entryCount, 64)
  assert.is(offsets.lookup(100), 64)
  assert.is(kernel.memory.usedBytes, used)
  assert.type(kernel.crc32cOf(new Uint8Array(200000)), 'number', 'the fixed places need no allocation')
})

test('reading needs no allocation', () => {
  const kernel = newKernel(capBytes)
  const buffer = allocate(kernel, 100000)
  kernel.batchBuilder.begin(buffer, 0)
  for (let record = 0; record < 3000; record++) kernel.batchBuilder.append('key', 'a value', record, undefined)
  const size = kernel.batchBuilder.seal(noProducer)
  failAllocation(kernel, 1)
  const batch = kernel.batchReader.decode(buffer, 0, size)
  assert.is(typeof batch === 'string' ? batch : batch.recordCount, 3000)
  assert.is(kernel.allocate(1), undefined, 'the failure still waits')
})

test('a trap poisons the kernel: every later call throws that same error', () => {
  const kernel = newKernel(capBytes)
  const buffer = allocate(kernel, 1000)
  const index = kernel.offsetIndex(0)
  const producers = kernel.producerTable()
  index.append(1, 1)
  producers.push(1, 0, 0, 1, 0, 0)
  const thrown = (work: () => unknown): unknown => {
    try {
      work()
    } catch (error) {
      return error
    }
    return undefined
  }
  const poison = thrown(() => trapKernel(kernel)) as { code: string; category: string }
  assert.equal([poison.code, poison.category], ['KERNEL_POISONED', 'fatal'])
  const calls: readonly (() => unknown)[] = [
    () => kernel.allocate(10),
    () => kernel.copy(buffer, 0, buffer, 0, 1),
    () => kernel.crc32c(buffer, 0, 1),
    () => kernel.crc32cOf(new Uint8Array(1)),
    () => kernel.memory.usedBytes,
    () => kernel.memory.reservedBytes,
    () => buffer.bytes(0, 1),
    () => buffer.free(),
    () => kernel.batchBuilder.begin(buffer, 0),
    () => kernel.batchReader.header(buffer, 0, 100),
    () => kernel.batchReader.fault(buffer, 0, 100),
    () => kernel.batchReader.decodeIntact(buffer, 0, 100),
    () => kernel.batchReader.intactBytes(buffer, 0, 100, 0),
    () => index.append(2, 2),
    () => index.lookup(2),
    () => index.bytes(),
    () => index.load(new Uint8Array(8)),
    () => index.free(),
    () => kernel.timeIndex(0).append(1, 1),
    () => producers.check(1, 0, 0, 1),
    () => producers.push(2, 0, 0, 1, 0, 0),
    () => [...producers.windows()],
    () => producers.remove(1),
    () => producers.free(),
  ]
  for (const call of calls) assert.is(thrown(call), poison, String(call))
})

test('a trap in the middle of a batch poisons the builder too', () => {
  const kernel = newKernel(capBytes)
  const buffer = allocate(kernel, 1000)
  kernel.batchBuilder.begin(buffer, 0)
  kernel.batchBuilder.append(null, 'x', 1, undefined)
  assert.throws(() => trapKernel(kernel))
  const isPoison = (error: { code: string }): boolean => error.code === 'KERNEL_POISONED'
  assert.throws(() => kernel.batchBuilder.append(null, 'x', 1, undefined), isPoison)
  assert.throws(() => kernel.batchBuilder.seal(noProducer), isPoison)
})

test.run()
