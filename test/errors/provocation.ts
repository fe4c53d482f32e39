import type { ErrorCode } from '../../bindings/entry/node.ts'
import type { Stage } from './stage.ts'

/** A call that is to be refused. `after` judges what is left of the log, where it isn't what it was. */
export interface Refusal {
  call(): unknown
  after(): Promise<void>
}

/** Prepares a log whose topic `t` has three records, and answers the call that is refused with the code. */
export type Provocation = (stage: Stage) => Promise<(() => unknown) | Refusal>
export type Provocations = Partial<Record<ErrorCode, Provocation>>
