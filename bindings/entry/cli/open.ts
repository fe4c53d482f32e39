import type { Log } from '../../client/log.ts'
import { assertLogDirectory, assertNamed } from '../embedded/assert-log.ts'
import { AttachedLog, openAttached } from '../embedded/attached-log.ts'
import { DirectoryImage } from '../embedded/directory-image.ts'
import { command, type EmbeddedLog, openLog } from '../embedded/embedded-log.ts'
import { nodePort } from '../embedded/node-port.ts'
import { LogError, open, type RecoveryReport, type TopicPartition } from '../node.ts'
import { consistentView } from './consistent-view.ts'
import { tellDamage } from './output.ts'
import type { CommandCall } from './run.ts'

/** Which log to open, and in which form to report on it. */
type LogCall = Pick<CommandCall, 'directory' | 'isJson'> & {
  /** The directory is an argument of the command, so an error must not speak of `--dir`. */
  readonly isArgument?: boolean
}

/**
 * Runs `work` on the log as any program does: it may write. Another process may hold the log: where that one gives no
 * sign of life any more, such as one that is stopped, the error names it.
 */
export async function withLog<T>(call: LogCall, work: (log: EmbeddedLog) => Promise<T>): Promise<T> {
  return withOpenLog(call, (log) => command(log, work(log)))
}

/** As `withLog`, for work that may wait for something else than the log, and looks itself whether its calls are answered. */
export async function withOpenLog<T>(call: LogCall, work: (log: EmbeddedLog) => Promise<T>): Promise<T> {
  assertLog(call.directory, call)
  return opened(call, work)
}

/** As `withLog`, on a log that is made if there is none. */
export async function withNewLog<T>(call: LogCall, work: (log: EmbeddedLog) => Promise<T>): Promise<T> {
  assertNamed(call.directory, NAME_IT)
  return opened(call, (log) => command(log, work(log)))
}

async function opened<T>({ directory, isJson }: LogCall, work: (log: EmbeddedLog) => Promise<T>): Promise<T> {
  const log = await open(directory)
  tellRecovery(log.recovery, isJson)
  return using(log, work)
}

/** Runs `work` on an image of the directory: writes nothing, keeps nobody out, and doesn't disturb a holder. */
export async function withImage<T>(call: LogCall, work: (log: Log) => Promise<T>): Promise<T> {
  const { directory, isJson } = call
  assertLog(directory)
  const log = await consistentView(
    () => openLog(new DirectoryImage(directory), nodePort),
    () => openAttached(directory, nodePort),
  )
  if ('recovery' in log) tellRecovery(log.recovery, isJson)
  return using(log, (opened) => (opened instanceof AttachedLog ? opened.whileAnswered(work(opened)) : work(opened)))
}

/**
 * Runs `work`, which only reads, on the log of the program that holds it: so it sees what only lives in that process,
 * members and open transactions. Without a holder, or with one that goes away or gives no sign of life before all is
 * known, on an image. So `work` shows nothing before it knows all.
 */
export async function withView<T>(call: LogCall, work: (log: Log) => Promise<T>): Promise<T> {
  assertLog(call.directory)
  const attached = await openAttached(call.directory, nodePort)
  if (attached === undefined) return withImage(call, work)
  try {
    return await using(attached, (log) => log.whileAnswered(work(log)))
  } catch (error) {
    if (!isHolderGone(error)) throw error
    return withImage(call, work)
  }
}

/** Whether an attached log ended because its holder did, or gave no sign of life. */
export function isHolderGone(error: unknown): boolean {
  return LogError.is(error, 'LOG_CLOSED', 'NETWORK_EXCEPTION')
}

const NAME_IT = "name the log's with --dir"

const FOUND_BEFORE = 'read-only: it was found damaged before'

/** Reports damage: what is shown may be incomplete. */
function tellRecovery({ damage, readOnly }: RecoveryReport, isJson: boolean): void {
  const isTold = (at: TopicPartition) =>
    damage.some((each) => each.topic === at.topic && each.partition === at.partition)
  const before = readOnly.filter((at) => !isTold(at))
  const found = before.map(({ topic, partition, damage: at }) => ({ ...at, topic, partition, code: FOUND_BEFORE }))
  tellDamage([...damage, ...found], isJson)
}

async function using<L extends Log, T>(log: L, work: (log: L) => Promise<T>): Promise<T> {
  try {
    return await work(log)
  } finally {
    await log.close()
  }
}

/**
 * Only `topics create` makes a directory or a log. Otherwise a misspelt name would show an empty log, or leave files in
 * a foreign directory.
 */
export function assertLog(directory: string, { isArgument = false }: Pick<LogCall, 'isArgument'> = {}): void {
  assertLogDirectory(directory, isArgument ? undefined : NAME_IT)
}
