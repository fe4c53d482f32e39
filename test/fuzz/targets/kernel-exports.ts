import { instantiateSync } from '@assemblyscript/loader'
import type { KernelExports } from '../../../bindings/kernel/exports.ts'
import { loadKernelModule } from '../../../bindings/kernel/load-kernel.ts'
import { Program, programs } from '../program.ts'
import { expect, type FuzzTarget } from '../target.ts'

const CAP_PAGES = 32
const PAGE_BYTES = 65_536

/**
 * The exports themselves with any addresses and lengths: each answers or traps, soon. Left out are those that work on a
 * structure which the kernel laid out itself (producer tables, the open batch, blocks handed back): no address of
 * theirs comes from outside, and over other bytes they would look for an end that isn't there.
 */
export function wildExportTarget(exports: KernelExports = freshExports()): FuzzTarget {
  return {
    name: 'exports of the kernel with any addresses',
    share: 14,
    whole: programs(24, 40),
    take(bytes) {
      expect(exports.kernel_start(CAP_PAGES) !== 0, () => 'the kernel does not start again')
      const program = new Program(bytes)
      while (!program.isOver) attempt(() => wildCall(exports, program))
      expect(exports.memory.buffer.byteLength <= CAP_PAGES * PAGE_BYTES, () => 'memory grew beyond its cap')
    },
  }
}

export function freshExports(): KernelExports {
  return instantiateSync(loadKernelModule(), {}).instance.exports as unknown as KernelExports
}

function attempt(call: () => void): void {
  try {
    call()
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error
  }
}

function wildCall(exports: KernelExports, program: Program): void {
  const [one, two, three, four] = [program.wild(), program.wild(), program.wild(), program.wild()]
  const calls: readonly (() => unknown)[] = [
    () => exports.crc32c(one, two, three),
    () => exports.batch_fault(one, two),
    () => exports.batch_shape(one, two),
    () => exports.batches_intact(one, two, three),
    () => exports.bytes_copy(one, two, three),
    () => exports.block_size(one),
    () => exports.block_allocate(one),
    () => exports.varint_write(one, two),
    () => exports.offset_index_append(one, two, three),
    () => exports.offset_index_ascends(one, two),
    () => exports.offset_index_last(one, two),
    () => exports.offset_index_lookup(one, two, three, four),
    () => exports.time_index_append(one, two, three),
    () => exports.time_index_ascends(one, two),
    () => exports.time_index_lookup(one, two, three),
    () => exports.time_index_last_offset(one, two),
    () => exports.time_index_last_timestamp(one, two),
    () => exports.siphash(one, two, three),
    () => {
      exports.records_begin(one)
      exports.records_fill()
      exports.records_hash(two)
    },
  ]
  program.pick(calls)()
}
