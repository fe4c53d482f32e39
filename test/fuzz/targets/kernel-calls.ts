import type { Kernel, KernelBuffer, OffsetIndex, ProducerTable } from '../../../bindings/kernel/kernel.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { crc32cReference, decodeReference, WindowReference } from '../../kernel/reference.ts'
import { Program, programs } from '../program.ts'
import { asWrong, expect, type FuzzTarget } from '../target.ts'

const BUFFERS_MAX = 6
const SIZES = [1, 61, 300, 512, 513, 4096, 40_000, 70_000, 200_000] as const
const PRODUCERS = 7

interface Held {
  readonly buffer: KernelBuffer
  readonly sizeBytes: number
  /** Every byte of it, unless a batch was written into it. */
  pattern: number
}

/**
 * Calls in any order with numbers that the contract allows, against models; no buffer's bytes change but by its own
 * calls.
 */
class Calls {
  readonly #kernel: Kernel
  readonly #program: Program
  readonly #held: Held[] = []
  readonly #table: ProducerTable
  readonly #windows = new Map<number, WindowReference>()
  readonly #index: OffsetIndex
  readonly #entries: [offset: number, position: number][] = []
  #nextOffset = 0

  constructor(kernel: Kernel, program: Program) {
    this.#kernel = kernel
    this.#program = program
    this.#table = kernel.producerTable()
    this.#index = kernel.offsetIndex(2 ** 40)
  }

  run(): void {
    const kinds = [
      () => this.#allocate(),
      () => this.#free(),
      () => this.#copy(),
      () => this.#checksum(),
      () => this.#batch(),
      () => this.#accept(),
      () => this.#entry(),
      () => this.#lookup(),
      () => this.#hash(),
    ]
    while (!this.#program.isOver) {
      this.#program.pick(kinds)()
      for (const held of this.#held) this.#assertPattern(held)
    }
    for (const { buffer } of this.#held) buffer.free()
    this.#table.free()
    this.#index.free()
  }

  #assertPattern({ buffer, sizeBytes, pattern }: Held): void {
    const bytes = buffer.bytes(0, sizeBytes)
    const places = [0, sizeBytes >> 1, sizeBytes - 1]
    const isWhole = places.every((at) => bytes[at] === pattern)
    expect(isWhole, () => `a buffer of ${sizeBytes} bytes was changed by others`)
  }

  #allocate(): void {
    const sizeBytes = this.#program.pick(SIZES)
    if (this.#held.length >= BUFFERS_MAX) return
    const before = this.#kernel.memory.usedBytes
    const buffer = this.#kernel.allocate(sizeBytes)
    if (buffer === undefined) return expect(this.#kernel.memory.usedBytes === before, () => 'a refusal took memory')
    expect(buffer.sizeBytes >= sizeBytes, () => `${buffer.sizeBytes} bytes instead of ${sizeBytes}`)
    const held = { buffer, sizeBytes, pattern: this.#program.byte() }
    buffer.bytes(0, sizeBytes).fill(held.pattern)
    this.#held.push(held)
  }

  #some(): Held | undefined {
    const number = this.#program.byte()
    return this.#held[number % Math.max(1, this.#held.length)]
  }

  #free(): void {
    const held = this.#some()
    if (held === undefined) return
    held.buffer.free()
    this.#held.splice(this.#held.indexOf(held), 1)
  }

  #copy(): void {
    const [from, to] = [this.#some(), this.#some()]
    if (from === undefined || to === undefined) return
    // All of the smaller one, and the pattern of the other with it.
    if (from.sizeBytes < to.sizeBytes) return
    this.#kernel.copy(from.buffer, 0, to.buffer, 0, to.sizeBytes)
    to.pattern = from.pattern
  }

  #checksum(): void {
    const held = this.#some()
    if (held === undefined) return
    const length = this.#program.below(Math.min(200, held.sizeBytes))
    const expected = crc32cReference(new Uint8Array(length).fill(held.pattern))
    expect(this.#kernel.crc32c(held.buffer, 0, length) === expected, () => `the checksum of ${length} bytes`)
  }

  #batch(): void {
    const held = this.#some()
    if (held === undefined || held.sizeBytes < 300) return
    const { batchBuilder } = this.#kernel
    const records = this.#program.below(9)
    batchBuilder.begin(held.buffer, 0)
    let taken = 0
    for (let record = 0; record < records; record++) {
      const value = 'v'.repeat(this.#program.below(90))
      const key = this.#program.pick([null, 'key', new Uint8Array([1, 2])])
      const headers = this.#program.pick([undefined, [['h', value]] as const])
      if (batchBuilder.append(key, value, 1000 + record, headers)) taken++
    }
    if (taken === 0) batchBuilder.abandon()
    else this.#sealed(held, taken)
    held.buffer.bytes(0, held.sizeBytes).fill(held.pattern)
  }

  #sealed(held: Held, taken: number): void {
    const { batchBuilder, batchReader } = this.#kernel
    const fields = { partitionLeaderEpoch: 1, producerId: -1, producerEpoch: -1, baseSequence: -1, attributes: 0 }
    const sizeBytes = batchBuilder.seal({ baseOffset: 9, ...fields })
    expect(sizeBytes <= held.buffer.sizeBytes, () => `a batch of ${sizeBytes} bytes`)
    const expected = decodeReference(held.buffer.bytes(0, sizeBytes).slice())
    const decoded = batchReader.decode(held.buffer, 0, sizeBytes)
    const isWhole = typeof expected !== 'string' && typeof decoded !== 'string' && expected.records.length === taken
    expect(isWhole && decoded.recordCount === taken, () => `a batch of ${taken} records: ${String(expected)}`)
  }

  #accept(): void {
    const producerId = this.#program.below(PRODUCERS)
    if (this.#program.byte() < 16) {
      this.#table.remove(producerId)
      this.#windows.delete(producerId)
      return
    }
    const window = this.#windows.get(producerId) ?? new WindowReference()
    const epoch = Math.max(0, window.epoch) + (this.#program.byte() < 20 ? 1 : 0)
    const next = window.next ?? 2 ** 31 - 30
    const first = (next - this.#program.pick([0, 0, 0, 1, 3, 20]) + 2 ** 31) % 2 ** 31
    const count = 1 + this.#program.below(5)
    const expected = window.check(epoch, first, count)
    const answer = this.#table.check(producerId, epoch, first, count)
    expect(answer === expected, () => `sequence ${first}+${count} of epoch ${epoch}: ${answer}, not ${expected}`)
    if (answer !== -1 || !this.#table.reserve()) return
    this.#table.push(producerId, epoch, first, count, this.#nextOffset, 1)
    window.push(epoch, first, count, this.#nextOffset)
    this.#windows.set(producerId, window)
    this.#nextOffset += count
    expect(this.#table.producerCount === this.#windows.size, () => `${this.#table.producerCount} producers`)
  }

  #entry(): void {
    const [offset, position] = this.#entries.at(-1) ?? [-1, -1]
    const next: [number, number] = [offset + 1 + this.#program.below(70), position + 1 + this.#program.byte() * 4096]
    if (next[1] >= 2 ** 31) return
    if (this.#index.append(2 ** 40 + next[0], next[1])) this.#entries.push(next)
  }

  #lookup(): void {
    const target = this.#program.below(5000)
    const found = this.#entries.findLast(([offset]) => offset <= target)?.[1] ?? 0
    const answer = this.#index.lookup(2 ** 40 + target)
    expect(answer === found, () => `${target} is looked up at ${answer}, it is at ${found}`)
  }

  #hash(): void {
    const bytes = new Uint8Array(this.#program.below(90)).fill(this.#program.byte())
    const [one, other] = [new Int32Array(4), new Int32Array(4)]
    this.#kernel.hashOf(bytes, one)
    this.#kernel.hashOf(bytes, other)
    expect(one.join() === other.join(), () => 'two hashes of the same bytes')
  }
}

export function agreedCallTarget(kernel: Kernel): FuzzTarget {
  const before = kernel.memory.usedBytes
  return {
    name: 'calls of the kernel as agreed',
    share: 25,
    whole: programs(24, 60),
    take(bytes) {
      try {
        new Calls(kernel, new Program(bytes)).run()
      } catch (error) {
        throw asWrong(error)
      }
      const { usedBytes, reservedBytes, capBytes } = kernel.memory
      expect(usedBytes === before, () => `${usedBytes - before} bytes were not given back`)
      expect(reservedBytes <= capBytes, () => `${reservedBytes} bytes of ${capBytes}`)
    },
  }
}

const GUARD = 0xa5

/**
 * Any numbers for places and lengths, buffers that were freed or are another kernel's: INVALID_REQUEST, or nothing
 * happens.
 */
export function wildCallTarget(kernel: Kernel, other: Kernel): FuzzTarget {
  const stranger = other.allocate(4096)
  return {
    name: 'calls of the kernel with any numbers',
    share: 30,
    whole: programs(24, 40),
    take(bytes) {
      const program = new Program(bytes)
      const [guard, buffer, freed] = [kernel.allocate(4096), kernel.allocate(4096), kernel.allocate(4096)]
      if (guard === undefined || buffer === undefined || freed === undefined || stranger === undefined) return
      guard.bytes(0, 4096).fill(GUARD)
      freed.free()
      try {
        while (!program.isOver) wildCall(kernel, program, program.pick([buffer, buffer, buffer, freed, stranger]))
        const isWhole = guard.bytes(0, 4096).every((byte) => byte === GUARD)
        expect(isWhole, () => 'a call wrote outside of its buffer')
      } finally {
        guard.free()
        buffer.free()
      }
    },
  }
}

function wildCall(kernel: Kernel, program: Program, buffer: KernelBuffer): void {
  const [one, two, three, four] = [program.wild(), program.wild(), program.wild(), program.wild()]
  const { batchReader, batchBuilder } = kernel
  const calls: readonly (() => unknown)[] = [
    () => buffer.bytes(one, two),
    () => kernel.copy(buffer, one, buffer, two, three),
    () => kernel.crc32c(buffer, one, two),
    () => batchReader.header(buffer, one, two),
    () => batchReader.fault(buffer, one, two),
    () => batchReader.intactBytes(buffer, one, two, three),
    () => {
      if (program.byte() > 128) batchReader.decodeIntact(buffer, one, two)
      else batchReader.decode(buffer, one, two)
    },
    () => wildIndex(kernel, [one, two, three, four]),
    () => wildProducer(kernel, [one, two, three, four]),
    () => kernel.allocate(one)?.free(),
    () => {
      batchBuilder.begin(buffer, one)
      try {
        batchBuilder.append('key', 'value', two, undefined)
        batchBuilder.append(null, new Uint8Array(9), three, [['h', null]])
      } finally {
        batchBuilder.abandon()
      }
    },
  ]
  try {
    program.pick(calls)()
  } catch (error) {
    if (!LogError.is(error, 'INVALID_REQUEST')) throw asWrong(error)
  }
}

function wildIndex(kernel: Kernel, [base, offset, position, target]: readonly [number, number, number, number]): void {
  const index = kernel.offsetIndex(base)
  const times = kernel.timeIndex(base)
  try {
    index.append(offset, position)
    index.lookup(target)
    times.append(position, offset)
    times.lookup(target)
  } finally {
    index.free()
    times.free()
  }
}

/** Its numbers come checked (who appends has looked at ids, epochs and sequences): whole ones within their fields. */
function wildProducer(kernel: Kernel, numbers: readonly [number, number, number, number]): void {
  const [id, epoch, first, count] = numbers.map((each) => (Number.isFinite(each) ? Math.abs(Math.trunc(each)) : 0))
  const table = kernel.producerTable()
  try {
    const [producerId, records] = [(id ?? 0) % 2 ** 53, 1 + ((count ?? 0) % 1000)]
    if (!table.reserve()) return
    table.push(producerId, (epoch ?? 0) % 32_767, (first ?? 0) % 2 ** 31, records, 0, 1)
    expect(table.producerCount === 1, () => `${table.producerCount} producers of one`)
    table.remove(producerId)
  } finally {
    table.free()
  }
}
