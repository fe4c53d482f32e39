import type { ErrorCode } from '../../model/error-table.ts'

/** Kafka's names, at the places of their numbers in the records. Source: apache/kafka TransactionState (4.0). */
export const TRANSACTION_STATES = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const

export type TransactionState = (typeof TRANSACTION_STATES)[number]

/**
 * `init`: a producer asks for the id. `begin`: a transaction opens. `add`: a partition or offsets join it. `fence`: a
 * newer instance or the clock ends it. `decided`: decision and markers are durable. `expire`: nobody used the id for
 * long.
 */
export type TransactionEvent = 'init' | 'begin' | 'add' | 'commit' | 'abort' | 'fence' | 'decided' | 'expire'

type Row = Readonly<Record<TransactionEvent, TransactionState | ErrorCode>>

/**
 * No transaction is open. Differs from Kafka, which answers a commit with INVALID_TXN_STATE: here a crash of the log
 * may have ended a transaction that its producer takes for open, so the producer is told to abort and to go on
 * (durability rule 9).
 */
const IDLE: Row = {
  init: 'Empty',
  begin: 'Ongoing',
  add: 'TRANSACTION_ABORTABLE',
  commit: 'TRANSACTION_ABORTABLE',
  abort: 'PrepareAbort',
  fence: 'INVALID_TXN_STATE',
  decided: 'INVALID_TXN_STATE',
  expire: 'Dead',
}

/** A decision is being made durable: other requests must be tried again after it. */
const PREPARED: Row = {
  init: 'CONCURRENT_TRANSACTIONS',
  begin: 'CONCURRENT_TRANSACTIONS',
  add: 'CONCURRENT_TRANSACTIONS',
  commit: 'INVALID_TXN_STATE',
  abort: 'INVALID_TXN_STATE',
  fence: 'CONCURRENT_TRANSACTIONS',
  decided: 'INVALID_TXN_STATE',
  expire: 'INVALID_TXN_STATE',
}

/**
 * Source: kafka.md 4.2, 4.3, 4.6, whose columns "current" and, for the Prepare states, "again" these are: until the
 * decision is durable nobody knows the raised epoch; apache/kafka TransactionCoordinator, version 2 of KIP-890.
 */
const TABLE: Readonly<Record<TransactionState, Row>> = {
  Empty: IDLE,
  Ongoing: {
    init: 'CONCURRENT_TRANSACTIONS',
    begin: 'INVALID_TXN_STATE',
    add: 'Ongoing',
    commit: 'PrepareCommit',
    abort: 'PrepareAbort',
    fence: 'PrepareEpochFence',
    decided: 'INVALID_TXN_STATE',
    expire: 'INVALID_TXN_STATE',
  },
  PrepareCommit: { ...PREPARED, commit: 'CONCURRENT_TRANSACTIONS', decided: 'CompleteCommit' },
  // A commit that races the clock's abort gets the answer that it would get right after it (KAFKA-20785).
  PrepareAbort: {
    ...PREPARED,
    commit: 'TRANSACTION_ABORTABLE',
    abort: 'CONCURRENT_TRANSACTIONS',
    decided: 'CompleteAbort',
  },
  CompleteCommit: IDLE,
  CompleteAbort: IDLE,
  Dead: {
    init: 'Empty',
    begin: 'INVALID_PRODUCER_ID_MAPPING',
    add: 'INVALID_PRODUCER_ID_MAPPING',
    commit: 'INVALID_PRODUCER_ID_MAPPING',
    abort: 'INVALID_PRODUCER_ID_MAPPING',
    fence: 'INVALID_PRODUCER_ID_MAPPING',
    decided: 'INVALID_PRODUCER_ID_MAPPING',
    expire: 'INVALID_PRODUCER_ID_MAPPING',
  },
  PrepareEpochFence: { ...PREPARED, abort: 'PrepareAbort' },
}

export function nextTransactionState(state: TransactionState, event: TransactionEvent): TransactionState | ErrorCode {
  return TABLE[state][event]
}

export function isTransactionState(outcome: TransactionState | ErrorCode): outcome is TransactionState {
  return Object.hasOwn(TABLE, outcome)
}

/**
 * A commit or abort that is asked again, with the epoch of the transaction before: the recorded decision answers it
 * (durability rule 9). `repeat`: the decision is what was asked for. A commit whose transaction was aborted gets an
 * abortable error. Differs from Kafka, which says INVALID_TXN_STATE.
 */
export function answerAgain(
  state: TransactionState,
  event: 'commit' | 'abort',
): 'repeat' | 'CONCURRENT_TRANSACTIONS' | 'INVALID_TXN_STATE' | 'PRODUCER_FENCED' | 'TRANSACTION_ABORTABLE' {
  switch (state) {
    case 'CompleteCommit':
      return event === 'commit' ? 'repeat' : 'INVALID_TXN_STATE'
    case 'CompleteAbort':
      return event === 'abort' ? 'repeat' : 'TRANSACTION_ABORTABLE'
    case 'PrepareCommit':
      return event === 'commit' ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE'
    case 'PrepareAbort':
      return event === 'abort' ? 'CONCURRENT_TRANSACTIONS' : 'TRANSACTION_ABORTABLE'
    default:
      return 'PRODUCER_FENCED'
  }
}
