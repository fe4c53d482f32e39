import { NEXT_SEGMENT } from '../../../bindings/log/files/file-names.ts'
import type { OperationWatch } from '../../../bindings/testkit/simulation/virtual-disk.ts'

/** Where the logs of a run got, by what they did to their disks. */
export class RarePaths {
  readonly counts: Map<string, number> = new Map()
  #ringFile = ''

  readonly watch: OperationWatch = (_, kind, path) => {
    if (kind === 'write' && path.startsWith('checkpoint/')) this.#mark('checkpoint')
    if (kind === 'rename' && path.endsWith(NEXT_SEGMENT)) this.#mark('segment rolled')
    if (kind === 'write' && path.endsWith('.ring') && path !== this.#ringFile) {
      if (this.#ringFile !== '') this.#mark('ring file taken')
      this.#ringFile = path
    }
  }

  #mark(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}
