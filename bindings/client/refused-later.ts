import type { RuntimePort } from '../broker/runtime-port.ts'

/**
 * Rejects with `error` a turn of the event loop later. For refusals that this side makes by what it knows, and that
 * somebody else may end: a program that asks again until then would let nobody do so.
 */
export function refusedLater(port: Pick<RuntimePort, 'defer'>, error: unknown): Promise<never> {
  return new Promise((_, reject) => {
    port.defer(() => reject(error))
  })
}
