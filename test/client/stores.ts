import { test as register } from 'uvu'
import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { openHeld, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { StorageDriver } from '../../bindings/entry/embedded/storage-driver.ts'
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

/** A broker over the store: its sessions can be got at, and it may have a clock of its own. */
export type OpenBroker = (port?: RuntimePort) => Promise<EmbeddedBroker>

type Run = (open: OpenLog, openBroker: OpenBroker) => void | Promise<void>

/** A test of the public API: run over every store, with what opens a log in it. */
export const test: ((name: string, run: Run) => void) & { readonly run: () => void } = Object.assign(
  (name: string, run: Run) => {
    for (const [store, driverOf] of Object.entries(DRIVERS)) {
      const openBroker: OpenBroker = async (port = nodePort) => (await openHeld(driverOf(), port, {})).broker
      register(`${store}: ${name}`, () => run((options) => openIn(driverOf(), options), openBroker))
    }
  },
  { run: () => register.run() },
)
