import type { Log } from '../../client/log.ts'
import { assertLogDirectory, assertNamed } from '../embedded/assert-log.ts'
import { openAttached } from '../embedded/attached-log.ts'
import { DirectoryImage } from '../embedded/directory-image.ts'
import { command, type EmbeddedLog, openLog } from '../embedded/embedded-log.ts'
import { nodePort } from '../embedded/node-port.ts'
import { open, type RecoveryReport, type TopicPartition } from '../node.ts'
import { onView } from './consistent-view.ts'
import { tellDamage } from './output.ts'
import type { CommandCall } from './run.ts'
import { throughHolder, using } from './through-holder.ts'

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

/**
 * Runs `work` on an image of the directory: writes nothing, keeps nobody out, and doesn't disturb a holder, which is
 * asked only where it writes faster than its files can be looked at.
 */
export async function withImage<T>(call: LogCall, work: (log: Log) => Promise<T>): Promise<T> {
  const { directory, isJson } = call
  assertLog(directory)
  const views = {
    look: () => openLog(new DirectoryImage(directory), nodePort),
    attach: () => openAttached(directory, nodePort),
  }
  return onView(views, (log) => {
    if ('recovery' in log) tellRecovery(log.recovery, isJson)
    return work(log)
  })
}

/**
 * Runs `work`, which only reads, on the log of the program that holds it: so it sees what only lives in that process,
 * members and open transactions. Without a holder, or with one that goes away or gives no sign of life before all is
 * known, on an image. So `work` shows nothing before it knows all.
 */
export async function withView<T>(call: LogCall, work: (log: Log) => Promise<T>): Promise<T> {
  assertLog(call.directory)
  const attached = await openAttached(call.directory, nodePort)
  const onImage = () => withImage(call, work)
  return attached === undefined ? onImage() : throughHolder(attached, work, onImage)
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

/**
 * Only `topics create` makes a directory or a log. Otherwise a misspelt name would show an empty log, or leave files in
 * a foreign directory.
 */
export function assertLog(directory: string, { isArgument = false }: Pick<LogCall, 'isArgument'> = {}): void {
  assertLogDirectory(directory, isArgument ? undefined : NAME_IT)
}
