import { suite } from 'uvu'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import type { VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'
import * as storages from './storages.ts'

export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'

type Over = keyof typeof storages.STORAGES

/** Of the test that runs. */
let empty: () => VirtualStorage = storages.STORAGES.files

export interface SuiteOverStorages {
  (name: string, run: () => void, overs?: readonly Over[]): void
  run(): void
}

/** Each test runs over files and over rows, unless it names what it is for. */
export function overStorages(title: string): SuiteOverStorages {
  const register = suite(title)
  const test = (name: string, run: () => void, overs: readonly Over[] = ['files', 'rows']): void => {
    for (const over of overs) {
      register(`${over}: ${name}`, () => {
        empty = storages.STORAGES[over]
        run()
      })
    }
  }
  return Object.assign(test, { run: () => register.run() })
}

export function opened(storage: VirtualStorage = empty()): SyncHost {
  return storages.opened(storage)
}

/** With a topic of three partitions. */
export function fresh(config = {}): SyncHost {
  const host = opened()
  host.createTopic(TOPIC_ID, 't', 3, config)
  return host
}

export function values(host: SyncHost, partition: number, isolation?: 'read_uncommitted'): string[] {
  return host.fetchAll('t', partition, isolation).map(({ value }) => value)
}

/** What a power loss leaves of the log: all that was written, or only what was synced. */
export function afterCrash(host: SyncHost, kept: 'all' | 'none'): SyncHost {
  return opened(host.storage.image(new Random(1), kept))
}

/** Of the journal, or transactions of the database: checkpoints flush other files. */
export function flushes(host: SyncHost, run: () => void): number {
  let count = 0
  host.storage.watch = (_operations, kind, path) => {
    if (kind === 'flush' && (path.endsWith('.ring') || path === 'rows')) count++
  }
  run()
  host.storage.watch = undefined
  return count
}
