import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { percentile } from './statistics.ts'

const PROBE_BYTES = 4096

/** p50 in milliseconds of overwriting 4 KiB in place and fdatasync: what one durable write costs on this disk now. */
export function probeFdatasync(directory: string, samples: number = 100): number {
  const file = join(directory, 'fdatasync-probe')
  const block = Buffer.alloc(PROBE_BYTES, 0x5a)
  const descriptor = openSync(file, 'w')
  try {
    for (let index = 0; index < 16; index++) writeSync(descriptor, block, 0, PROBE_BYTES, index * PROBE_BYTES)
    fsyncSync(descriptor)
    const took = new Float64Array(samples)
    for (let index = 0; index < samples; index++) {
      const started = performance.now()
      writeSync(descriptor, block, 0, PROBE_BYTES, (index % 16) * PROBE_BYTES)
      fdatasyncSync(descriptor)
      took[index] = performance.now() - started
    }
    return percentile(took.sort(), 0.5)
  } finally {
    closeSync(descriptor)
    rmSync(file, { force: true })
  }
}

export interface WrittenBytes {
  /** Bytes passed to write calls. */
  readonly passed: number
  /** Bytes of pages dirtied, which the kernel means to send to the disk. */
  readonly dirtied: number
}

/** Counters of this whole process, all threads; zeros where the system has no /proc. */
export function writtenBytes(): WrittenBytes {
  try {
    const text = readFileSync('/proc/self/io', 'latin1')
    const field = (name: string): number => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1] ?? 0)
    return { passed: field('wchar'), dirtied: field('write_bytes') }
  } catch {
    return { passed: 0, dirtied: 0 }
  }
}

/** Bytes of all files below, as allocated on disk. */
export function diskBytes(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512
  }
  return bytes
}

export function machineFacts(): string {
  const cores = cpus()
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0)
  return `${cores.length} x ${cores[0]?.model.trim() ?? 'cpu'}, ${gibibytes} GiB, ${process.platform} ${release()}, Node ${process.versions.node}`
}
