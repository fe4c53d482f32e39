import { test as register } from 'uvu'
import { openLog, type StorageDriver } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { EmbeddedLog, OpenOptions } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { MemoryRowStore } from '../../bindings/storage/drivers/memory-rows.ts'

export type OpenLog = (options?: OpenOptions) => Promise<EmbeddedLog>

/** Whatever a program sees must be the same over each. */
export const DRIVERS: Readonly<Record<string, () => StorageDriver>> = {
  files: () => new MemoryStore(),
  rows: () => () => new MemoryRowStore(),
}

export function openIn(driver: StorageDriver, options?: OpenOptions): Promise<EmbeddedLog> {
  return openLog(driver, nodePort, options)
}

type Run = (open: OpenLog) => void | Promise<void>

/** A test of the public API: run over every store, with what opens a log in it. */
export const test: ((name: string, run: Run) => void) & { readonly run: () => void } = Object.assign(
  (name: string, run: Run) => {
    for (const [store, driverOf] of Object.entries(DRIVERS)) {
      register(`${store}: ${name}`, () => run((options) => openIn(driverOf(), options)))
    }
  },
  { run: () => register.run() },
)
