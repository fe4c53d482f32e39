import { LogError } from '../../model/errors.ts'
import { TRANSACTION_TIMEOUT_MS_MAX } from '../../model/limits.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import { consumerSettings } from '../consumer/consumer-options.ts'
import { checkDeadLetterOption } from '../dead-letter.ts'
import { assertOptions, type OptionNames } from '../options.ts'
import type { ProducerRecord } from '../producer-record.ts'
import type { RecordOf } from '../records.ts'
import type { Abortable } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'
import type { StateStore, StatesOf } from './keyed-state.ts'

/** What `handle` is told besides the record. */
export interface ProcessContext<S> {
  /** Keyed state of the record's partition, by the names of the option `state`. */
  readonly state: StatesOf<S>
  /** 1 for the first call with this delivery; `concurrency` makes calls that are no retries. */
  readonly attempt: number
  /**
   * Aborts when the processor ends, and with UNKNOWN_MEMBER_ID when the group gives the partition to others, as after
   * `maxPollIntervalMs`: give up soon, the record comes again.
   */
  readonly signal: AbortSignalGiven
}

/** A processor: consume, handle, produce, keep state and commit, all in one transaction for each batch of records. */
export interface ProcessOptions<T extends TopicRef, S> extends Abortable {
  /** The consumer group: processors of one group share the partitions. */
  groupId: string
  /**
   * What is consumed. With `state` all members of the group read the same topics, of equal partitions (INVALID_CONFIG
   * else).
   */
  topics: readonly T[]
  /** Stores by name: `{ balances: store(ledger) }`. Their changelogs have at least the partitions of the input. */
  state?: S | undefined
  /**
   * Called for each record, in order of each partition, or of each key with `concurrency`. What it gives is sent with
   * the commit: objects and lists may be used again at once, bytes stay as they are until then. In transactions the
   * next batch is handled while the one before commits. May be called again for the same record after a failure, of
   * that commit too, a crash, or a partition that moved: only the run whose transaction commits has effects in the log.
   */
  handle(
    record: RecordOf<T>,
    context: ProcessContext<S>,
  ): Promise<ProducerRecord | readonly ProducerRecord[] | undefined> | Promise<void>
  /**
   * `'exactly-once'` (default): output, state and offsets in one transaction. `'at-least-once'`: output and state are
   * sent, then the offsets committed; a crash between the two brings the records again.
   */
  delivery?: 'exactly-once' | 'at-least-once' | undefined
  /**
   * Topic for records that failed every try, also by giving a record or setting state that its topic doesn't take, with
   * origin, error (1 KiB of its text) and attempts in headers. One that doesn't fit there with them comes with a null
   * value and the header `oncelog-omitted`. It is none of `topics`, and nothing creates it: `done` rejects at once where
   * it isn't there, is compacted, or takes batches of less than 640 bytes (INVALID_CONFIG). Without the option the
   * processor gives up, as it always does where a record is given for a topic that isn't there.
   */
  deadLetter?: string | undefined
  /** Tries after the first one, 0 by default, with a wait that doubles from 10 ms up to a second. */
  retries?: number | undefined
  /**
   * Records of different keys that may be in `handle` at once, 1 by default. Records of one key never are. State sees
   * them one after another, in no order of their keys: where a record changed what another one at work had read, that
   * one is handled again on the new state, whatever it gave or threw, and that is none of its `retries`.
   */
  concurrency?: number | undefined
  /**
   * Records of one partition in one transaction at most, 1000 by default. A transaction is committed earlier, between
   * two records, when half of `transactionTimeoutMs` or of `maxPollIntervalMs` was worked.
   */
  maxRecords?: number | undefined
  /**
   * 60000 ms by default, 900000 at most: a transaction that took longer is aborted and its records come again. It
   * begins once its records are handled; of these there are no more than fit into half of it, one at least.
   */
  transactionTimeoutMs?: number | undefined
  /**
   * Time of work after which the group gives the partitions to other members, 300000 ms by default. A record that alone
   * takes longer comes again without end, with those before it in its transaction: such calls are none of its `retries`,
   * and no dead letter. The signal of `handle` aborts then, and a warning says so each time (`PROCESS_TOO_SLOW`, by
   * `process.emitWarning` on Node). Give what `handle` awaits that signal, or a time limit of its own.
   */
  maxPollIntervalMs?: number | undefined
}

export interface ProcessSettings {
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
  if (typeof handle !== 'function') throw wrong('handle', 'a function')
  if (!['exactly-once', 'at-least-once'].includes(delivery)) throw wrong('delivery', 'exactly-once or at-least-once')
  checkDeadLetterOption(deadLetter, topics)
  if (!(Number.isSafeInteger(retries) && retries >= 0)) throw wrong('retries', 'a whole number from 0 on')
  if (!(Number.isSafeInteger(concurrency) && concurrency > 0)) throw wrong('concurrency', 'a whole number above 0')
  const { maxRecords = 1000, transactionTimeoutMs = 60_000 } = options
  if (!(Number.isSafeInteger(maxRecords) && maxRecords > 0)) throw wrong('maxRecords', 'a whole number above 0')
  const isTimeout = Number.isSafeInteger(transactionTimeoutMs) && transactionTimeoutMs > 0
  if (!isTimeout || transactionTimeoutMs > TRANSACTION_TIMEOUT_MS_MAX) {
    throw wrong('transactionTimeoutMs', `a whole number from 1 to ${TRANSACTION_TIMEOUT_MS_MAX}`)
  }
  const times = { maxRecords, transactionTimeoutMs, maxPollIntervalMs }
  if (typeof state !== 'object' || state === null) throw wrong('state', 'stores by name')
  const stores = Object.entries(state as Record<string, StateStore>)
  if (stores.some(([, each]) => typeof each?.changelog?.record !== 'function')) throw wrong('state', 'stores by name')
  return { isExactlyOnce: delivery === 'exactly-once', deadLetter, retries, concurrency, ...times, stores }
}

function wrong(option: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${option} must be ${expected}`, { option })
}
