import { LogError } from '../../model/errors.ts'
import { type Outcome, printable } from './output.ts'

type Reported = Pick<LogError, 'code' | 'category' | 'message' | 'hint' | 'details'>

const AGAIN = 'Give the output a place that takes it, and run it again.'
const NOT_AGAIN = "Don't run it again: only its report is missing."

/** Reports a command's failure and returns the exit code: 2 for a wrong call, 1 for everything else. */
export function report(error: unknown, isJson: boolean): number {
  return tell(LogError.is(error) ? error : failure(error), isJson)
}

/** Reports that standard output didn't take all of a command's lines, and what was `done` nevertheless. */
export function reportOutput(error: Error, done: Outcome | undefined, isJson: boolean): number {
  const { message, details, ...kind } = failure(error)
  const refused = `standard output couldn't be written: ${message}`
  if (done === undefined) return tell({ ...kind, details, message: refused, hint: AGAIN }, isJson)
  const facts = { ...details, done: done.facts }
  return tell({ ...kind, details: facts, message: `${done.sentence}, but ${refused}`, hint: NOT_AGAIN }, isJson)
}

function tell({ code, category, message, hint, details }: Reported, isJson: boolean): number {
  if (isJson) console.error(JSON.stringify({ error: code, category, message, hint, details }))
  else console.error([`${code}: ${printable(message)}`, ...placeOf(category, details), ...hintFor(hint)].join('\n'))
  return category === 'misuse' ? 2 : 1
}

/** In the form of the log's errors: what the system refused, with what it says about it. */
function failure(error: unknown): Reported {
  const message = error instanceof Error ? error.message : String(error)
  const { code, syscall, path } = Object(error) as NodeJS.ErrnoException
  const hint = 'Mend what the message names.'
  return { code: 'FAILED', category: 'fatal', message, hint, details: { code, syscall, path } }
}

const PLACE = ['file', 'position', 'topic', 'partition', 'offset']

/** Where the damage is. */
function placeOf(category: string, details: Reported['details']): string[] {
  const known = PLACE.filter((name) => category === 'corruption' && details[name] !== undefined)
  return known.length === 0 ? [] : [known.map((name) => `${name} ${printable(details[name])}`).join(', ')]
}

/** The hint without its part about the details: people see the message, programs the details. */
function hintFor(hint: string): string[] {
  return /that the details name\.$/.test(hint) ? [] : [hint.replace(/; the details name .*$/, '.')]
}
