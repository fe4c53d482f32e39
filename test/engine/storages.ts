import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { VirtualRows, type VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'

/** What the engine runs over, both of them empty. */
export const STORAGES: Readonly<Record<'files' | 'rows', () => VirtualStorage>> = {
  files: () => new VirtualDisk(),
  rows: () => new VirtualRows(),
}

export function opened<S extends VirtualStorage>(storage: S): SyncHost<S> {
  const host = new SyncHost(storage)
  host.open()
  return host
}
