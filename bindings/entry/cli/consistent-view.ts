import type { Log } from '../../client/log.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'
import { LogError } from '../node.ts'
import { type HeldLog, throughHolder, using } from './through-holder.ts'

/** A log as a look at its files shows it. */
export interface LogView extends Log {
  readonly recovery: RecoveryReport
}

/** The ways to see a log. */
export interface Views {
  /** At its files. */
  look(): Promise<LogView>
  /** Through the process that holds it. */
  attach(): Promise<HeldLog | undefined>
}

const LOOKS = 5
/** Damage counts once this many looks in a row have found it. */
const PROOF = 3

/**
 * Runs `work` on the log as it is seen. Where it is seen through its holder, and that one is gone before the work is
 * done, the work is done anew, and shows the rest.
 */
export async function onView<T>(views: Views, work: (log: LogView | HeldLog) => Promise<T>): Promise<T> {
  const log = await consistentView(views)
  return 'recovery' in log ? using(log, work) : throughHolder(log, work, () => onView(views, work))
}

/**
 * A look at files that a holder goes on writing may find parts that don't fit together, which looks like damage. Real
 * damage is found by every look, at the same place: so only what three looks in a row find is shown. If the looks never
 * agree, `attach` asks the holder itself. DIRECTORY_IN_USE if that isn't possible.
 */
async function consistentView({ look, attach }: Views): Promise<LogView | HeldLog> {
  /** For each damage of the last look: how many looks in a row have found it. */
  let found = new Map<string, number>()
  for (let count = 0; count < LOOKS; count++) {
    const seen = await outcomeOf(look)
    found = new Map(seen.wrong.map((each) => [each, (found.get(each) ?? 0) + 1]))
    const isSettled = [...found.values()].every((times) => times >= PROOF)
    if (!('log' in seen)) {
      if (isSettled) throw seen.error
      continue
    }
    if (isSettled) return seen.log
    await seen.log.close()
  }
  const attached = await attach()
  if (attached !== undefined) return attached
  const message =
    'the log is written to faster than it can be looked at, by a process that lets nobody attach: ask again'
  throw new LogError('DIRECTORY_IN_USE', message)
}

type Outcome =
  | { readonly wrong: readonly string[]; readonly log: LogView }
  | { readonly wrong: readonly string[]; readonly error: LogError }

async function outcomeOf(look: () => Promise<LogView>): Promise<Outcome> {
  try {
    const log = await look()
    return { wrong: log.recovery.damage.map((each) => JSON.stringify(each)), log }
  } catch (error) {
    if (!LogError.is(error) || error.category !== 'corruption') throw error
    return { wrong: [JSON.stringify([error.code, error.details])], error: error as LogError }
  }
}
