import { LogError } from './errors.ts'

/**
 * Throws MEMORY_CAP_REACHED if the process doesn't have that much memory: the platform's RangeError would read as that
 * of a record whose bytes changed.
 */
export function allocate(sizeBytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(sizeBytes)
  } catch (cause) {
    throw new LogError('MEMORY_CAP_REACHED', `the process has no memory for ${sizeBytes} bytes`, { sizeBytes }, cause)
  }
}
