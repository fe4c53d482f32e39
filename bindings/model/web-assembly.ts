import { LogError } from './errors.ts'

/** What `make` compiles or instantiates. KERNEL_UNAVAILABLE where this process can't have it. */
export function ofWebAssembly<T>(make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (typeof WebAssembly === 'undefined') {
      const message = 'this process has no WebAssembly, which the kernel is: run it without --jitless'
      throw new LogError('KERNEL_UNAVAILABLE', message, { missing: 'WebAssembly' }, cause)
    }
    // Engines reserve addresses after each memory, V8 up to 10 GiB, so that they needn't check its bounds.
    if (cause instanceof RangeError) {
      const message = `the system gives no memory for WebAssembly (${cause.message}): raise the limit of addresses (ulimit -v)`
      throw new LogError('KERNEL_UNAVAILABLE', message, { missing: 'memory' }, cause)
    }
    throw cause
  }
}
