import type { Groups } from '../../../bindings/coordinator/group/groups.ts'
import { CLEANED_SUFFIX, NEXT_SEGMENT, SWAP_SUFFIX } from '../../../bindings/log/files/file-names.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { OperationWatch } from '../../../bindings/testkit/simulation/virtual-disk.ts'

/** Where the logs of a run got, by what they did to their disks and whom they refused. */
export class RarePaths {
  readonly counts: Map<string, number> = new Map()
  #ringFile = ''

  readonly watch: OperationWatch = (_, kind, path) => {
    if (kind === 'write') this.#written(path)
    else if (kind === 'rename') this.#renamed(path)
    else if (kind === 'remove' && path.endsWith('.log')) this.mark('segment removed')
  }

  /** Of a group that went on without a member the program hears nothing, where its consumer joins and asks again. */
  watchOffsets(groups: Groups): void {
    const addPending = groups.addPending.bind(groups)
    groups.addPending = (...offsets) => {
      try {
        addPending(...offsets)
      } catch (error) {
        if (LogError.is(error, 'ILLEGAL_GENERATION')) this.mark('offsets of an earlier generation')
        if (LogError.is(error, 'UNKNOWN_MEMBER_ID')) this.mark('offsets of a member that was put out')
        throw error
      }
    }
  }

  #written(path: string): void {
    if (path.startsWith('checkpoint/')) this.mark('checkpoint')
    if (!path.endsWith('.ring') || path === this.#ringFile) return
    if (this.#ringFile !== '') this.mark('ring file taken')
    this.#ringFile = path
  }

  #renamed(path: string): void {
    if (path.endsWith(NEXT_SEGMENT)) this.mark('segment rolled')
    if (path.endsWith(CLEANED_SUFFIX)) this.mark(path.startsWith('__') ? 'table compacted' : 'topic compacted')
    if (path.endsWith(SWAP_SUFFIX)) this.mark('compaction swap')
  }

  mark(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}
