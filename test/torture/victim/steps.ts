const RARE = ['recovery', 'checkpoint', 'roll', 'ring switch', 'compaction'] as const
const COMMON = ['frame', 'opening', 'close', 'elsewhere'] as const
/** What an operation of the storage belongs to. */
export type Step = (typeof RARE)[number] | (typeof COMMON)[number]
/** Work of the log that is rare in any one moment, and where a crash does the most. */
export const RARE_STEPS: readonly Step[] = RARE
export const STEPS: readonly Step[] = [...RARE, ...COMMON]

/** What runs over several operations: its own, and those of others beside it. */
export type Phase = Extract<Step, 'recovery' | 'opening' | 'checkpoint' | 'close'>

export type OperationKind =
  | 'open'
  | 'create'
  | 'write'
  | 'truncate'
  | 'flush'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'list'

/** Tells by the names of files what the log is at. */
export class StepNames {
  readonly #phases: ReadonlySet<Phase>
  #ringFile = ''

  constructor(phases: ReadonlySet<Phase>) {
    this.#phases = phases
  }

  of(kind: OperationKind, path: string): Step {
    const isSwitch = this.#isRingSwitch(kind, path)
    for (const phase of ['recovery', 'opening'] as const) if (this.#phases.has(phase)) return phase
    if (path.endsWith('.cleaned') || path.endsWith('.swap')) return 'compaction'
    if (isSwitch) return 'ring switch'
    if (path.endsWith('.ring')) return 'frame'
    if (path.startsWith('checkpoint')) return 'checkpoint'
    if (isRoll(kind, path)) return 'roll'
    if (this.#phases.has('close')) return 'close'
    return this.#phases.has('checkpoint') ? 'checkpoint' : 'elsewhere'
  }

  /** Another file than the frame before went to, or one that is made for frames to come. */
  #isRingSwitch(kind: OperationKind, path: string): boolean {
    if (!path.endsWith('.ring')) return false
    if (kind === 'create' || kind === 'remove') return true
    if (kind !== 'write') return false
    const isOther = path !== this.#ringFile
    this.#ringFile = path
    return isOther
  }
}

/** The next segment is made, and takes its name. */
function isRoll(kind: OperationKind, path: string): boolean {
  return path.endsWith('/next.log.tmp') || ((kind === 'create' || kind === 'rename') && path.endsWith('.log'))
}
