import { LogError } from './errors.ts'

/**
 * MEMORY_CAP_REACHED where the process has no such memory: its own RangeError reads as that of a record's changed
 * bytes.
 */
export function allocate(sizeBytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(sizeBytes)
  } catch (cause) {
    throw new LogError('MEMORY_CAP_REACHED', `the process has no memory for ${sizeBytes} bytes`, { sizeBytes }, cause)
  }
}
