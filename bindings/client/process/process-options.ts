import { TRANSACTION_TIMEOUT_MS_MAX } from '../../model/limits.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import { consumerSettings } from '../consumer/consumer-options.ts'
import { checkDeadLetterOption } from '../dead-letter.ts'
import { assertOptions, type OptionNames, wrongOption } from '../options.ts'
import type { ProducerRecord } from '../producer-record.ts'
import type { RecordOf } from '../records.ts'
import type { Abortable } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'
import type { StateStore, StatesOf } from './keyed-state.ts'

/** What `handle` is told besides the record. */
export interface ProcessContext<S> {
  /** Keyed state of the record's partition, by the names of the option `state`. */
  readonly state: StatesOf<S>
  /**
   * How often `handle` was called for this delivery, this call included: 1 for the first. With `concurrency` there may
   * be calls that are no retries.
   */
  readonly attempt: number
  /**
   * Aborts when the processor ends, and with UNKNOWN_MEMBER_ID when the group gives the partition to others, as after
   * `maxPollIntervalMs`: end soon then, the record is delivered again.
   */
  readonly signal: AbortSignalGiven
}

/**
 * Options of a processor, which consumes, handles, produces, keeps state and commits, all in one transaction for each
 * batch of records.
 */
export interface ProcessOptions<T extends TopicRef, S> extends Abortable {
  /** The consumer group: processors of one group share the partitions. */
  groupId: string
  /**
   * The topics to consume. With `state`, all members of the group must read the same topics, with equal numbers of
   * partitions (else INVALID_CONFIG).
   */
  topics: readonly T[]
  /**
   * Stores by name, each with a changelog of its own: `{ balances: store(ledger) }`. These have at least the partitions
   * of the input.
   */
  state?: S | undefined
  /**
   * Called for each record, in the order of each partition, or of each key with `concurrency`. The records that it
   * resolves with are sent with the commit: their objects and lists may be used again at once, bytes must stay as they
   * are until then. In transactions the next batch is handled while the one before commits. May be called again for the
   * same record after a failure (also of that commit), a crash, or a partition that moved: only the run whose
   * transaction commits has effects in the log. Each call is given the record as it came, whatever an earlier one did
   * to its decoded key and value; only bytes that it changed in place stay changed.
   */
  handle(
    record: RecordOf<T>,
    context: ProcessContext<S>,
  ): Promise<ProducerRecord | readonly ProducerRecord[] | undefined> | Promise<void>
  /**
   * `'exactly-once'` (default): output, state and offsets are committed in one transaction. `'at-least-once'`: output
   * and state are sent, then the offsets committed; after a crash or a failure between the two, or where the changelog
   * was deleted and made again meanwhile, the records are delivered again, on state that may have their changes
   * already. What was being handled when the group gave its partition to others is dropped; what was on its way to the
   * log by then, or was handled by a process that stood still meanwhile, may take the place of their state. With both,
   * what fails for the moment as that is done (errors of the category `retriable`, such as STORAGE_FULL) doesn't end
   * the processor: the records are handled again, without end, after waits that double from 10 ms up to a second.
   */
  delivery?: 'exactly-once' | 'at-least-once' | undefined
  /**
   * Topic for records that failed every try. Giving a record, or setting state, that its topic doesn't take is such a
   * failure too. Each comes as it was, with these headers after its own, all of them text: `oncelog-topic`,
   * `oncelog-partition` and `oncelog-offset` (its place), `oncelog-group` (the group that gave it up), `oncelog-error`
   * (the code or name of the error that the last try failed with), `oncelog-error-message`, and `oncelog-attempts` (how
   * often it was tried). Group, error and message are cut to 1 KiB each. A record that doesn't fit there with these
   * headers comes with a null value, without its headers or even its key, as the header `oncelog-omitted` tells. The
   * topic must exist, and be none of `topics`: `done` rejects at once if it doesn't, is compacted, or takes batches of
   * less than 720 bytes (INVALID_CONFIG). Without the option the processor gives up, as it always does if a record is
   * given for a topic that doesn't exist.
   */
  deadLetter?: string | undefined
  /**
   * Most tries of a record after the first one; 0 by default. The wait before each doubles from 10 ms up to a second.
   */
  retries?: number | undefined
  /**
   * How many records of different keys may be in `handle` at once; 1 by default. Records of one key never are. They
   * change state one after another, in no order of their keys: if a record changed what another one being handled has
   * read, that one is handled again on the new state, whatever it gave or threw. That is none of its `retries`.
   */
  concurrency?: number | undefined
  /**
   * Most records in one transaction, all of one partition; 1000 by default. A transaction is committed earlier, between
   * two records, when half of `transactionTimeoutMs` or of `maxPollIntervalMs` was worked.
   */
  maxRecords?: number | undefined
  /**
   * How long a transaction may take before it is aborted and its records are delivered again, in milliseconds; 60000 by
   * default, 900000 at most. It begins once its records are handled, which are as many as take half of this time, at
   * least one.
   */
  transactionTimeoutMs?: number | undefined
  /**
   * After how much time of work the group gives the partitions to other members, in milliseconds; 300000 by default,
   * 2147483647 at most. A record that alone takes longer is delivered again without end, with those before it in its
   * transaction: such calls are no `retries`, and it becomes no dead letter. The signal of `handle` aborts then, and a
   * warning says so each time (`PROCESS_TOO_SLOW`, by `process.emitWarning` on Node). Give that signal to what `handle`
   * awaits, or set time limits of your own.
   */
  maxPollIntervalMs?: number | undefined
}

export interface ProcessSettings {
  readonly groupId: string
  readonly isExactlyOnce: boolean
  readonly deadLetter: string | undefined
  readonly retries: number
  readonly concurrency: number
  readonly maxRecords: number
  readonly transactionTimeoutMs: number
  readonly maxPollIntervalMs: number
  readonly stores: readonly (readonly [name: string, store: StateStore])[]
}

const NAMES: OptionNames<ProcessOptions<TopicRef, unknown>> = {
  groupId: true,
  topics: true,
  state: true,
  handle: true,
  delivery: true,
  deadLetter: true,
  retries: true,
  concurrency: true,
  maxRecords: true,
  transactionTimeoutMs: true,
  maxPollIntervalMs: true,
  signal: true,
}

/** INVALID_GROUP_ID, or INVALID_REQUEST by the name of the option. */
export function processSettings(options: ProcessOptions<TopicRef, unknown>): ProcessSettings {
  assertOptions(options, NAMES, 'process')
  const { handle, delivery = 'exactly-once', deadLetter, retries = 0, concurrency = 1, state = {} } = options
  const { groupId, topics, maxPollIntervalMs = 300_000 } = options
  consumerSettings({ groupId, topics, maxPollIntervalMs })
  if (typeof handle !== 'function') throw wrongOption('handle', 'a function')
  if (!['exactly-once', 'at-least-once'].includes(delivery))
    throw wrongOption('delivery', 'exactly-once or at-least-once')
  checkDeadLetterOption(deadLetter, topics)
  if (!(Number.isSafeInteger(retries) && retries >= 0)) throw wrongOption('retries', 'a whole number from 0 on')
  if (!(Number.isSafeInteger(concurrency) && concurrency > 0))
    throw wrongOption('concurrency', 'a whole number above 0')
  const { maxRecords = 1000, transactionTimeoutMs = 60_000 } = options
  if (!(Number.isSafeInteger(maxRecords) && maxRecords > 0)) throw wrongOption('maxRecords', 'a whole number above 0')
  const isTimeout = Number.isSafeInteger(transactionTimeoutMs) && transactionTimeoutMs > 0
  if (!isTimeout || transactionTimeoutMs > TRANSACTION_TIMEOUT_MS_MAX) {
    throw wrongOption('transactionTimeoutMs', `a whole number from 1 to ${TRANSACTION_TIMEOUT_MS_MAX}`)
  }
  const times = { maxRecords, transactionTimeoutMs, maxPollIntervalMs }
  if (typeof state !== 'object' || state === null) throw wrongOption('state', 'stores by name')
  const stores = Object.entries(state as Record<string, StateStore>)
  if (stores.some(([, each]) => typeof each?.changelog?.record !== 'function'))
    throw wrongOption('state', 'stores by name')
  // Neither would see what the other has set before the next start, and then one value of a key would be that of both.
  const changelogs = new Set(stores.map(([, { changelog }]) => changelog.name))
  if (changelogs.size < stores.length) throw wrongOption('state', 'stores that have a changelog each')
  return { groupId, isExactlyOnce: delivery === 'exactly-once', deadLetter, retries, concurrency, ...times, stores }
}
