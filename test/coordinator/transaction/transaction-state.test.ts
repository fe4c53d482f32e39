import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  answerAgain,
  isTransactionState,
  nextTransactionState,
  TRANSACTION_STATES,
  type TransactionEvent,
} from '../../../bindings/coordinator/transaction/transaction-state.ts'

const events: readonly TransactionEvent[] = ['init', 'begin', 'add', 'commit', 'abort', 'fence', 'decided', 'expire']

/** One line per state, outcomes in the order of `events`; 48, 49, 51, 120: Kafka's error numbers. */
const expected: Readonly<Record<string, string>> = {
  Empty: 'Empty Ongoing 120 120 PrepareAbort 48 48 Dead',
  Ongoing: '51 48 Ongoing PrepareCommit PrepareAbort PrepareEpochFence 48 48',
  PrepareCommit: '51 51 51 51 48 51 CompleteCommit 48',
  PrepareAbort: '51 51 51 120 51 51 CompleteAbort 48',
  CompleteCommit: 'Empty Ongoing 120 120 PrepareAbort 48 48 Dead',
  CompleteAbort: 'Empty Ongoing 120 120 PrepareAbort 48 48 Dead',
  Dead: 'Empty 49 49 49 49 49 49 49',
  PrepareEpochFence: '51 51 51 48 PrepareAbort 51 48 48',
}
const codes: Readonly<Record<string, string>> = {
  '48': 'INVALID_TXN_STATE',
  '49': 'INVALID_PRODUCER_ID_MAPPING',
  '51': 'CONCURRENT_TRANSACTIONS',
  '120': 'TRANSACTION_ABORTABLE',
}

test('every state meets every event', () => {
  assert.equal(Object.keys(expected).sort(), [...TRANSACTION_STATES].sort())
  for (const state of TRANSACTION_STATES) {
    const outcomes = expected[state]!.split(' ')
    assert.is(outcomes.length, events.length)
    events.forEach((event, index) => {
      const outcome = nextTransactionState(state, event)
      const wanted = outcomes[index]!
      assert.is(outcome, codes[wanted] ?? wanted, `${state} x ${event}`)
      assert.is(isTransactionState(outcome), codes[wanted] === undefined)
    })
  }
})

test('states have the numbers of Kafka', () => {
  assert.is(TRANSACTION_STATES.indexOf('Empty'), 0)
  assert.is(TRANSACTION_STATES.indexOf('Ongoing'), 1)
  assert.is(TRANSACTION_STATES.indexOf('CompleteCommit'), 4)
  assert.is(TRANSACTION_STATES.indexOf('PrepareEpochFence'), 7)
})

test('a commit or abort that is asked again hears what was decided, in every state', () => {
  const again: Readonly<Record<string, readonly [commit: string, abort: string]>> = {
    Empty: ['PRODUCER_FENCED', 'PRODUCER_FENCED'],
    Ongoing: ['PRODUCER_FENCED', 'PRODUCER_FENCED'],
    PrepareCommit: ['CONCURRENT_TRANSACTIONS', 'INVALID_TXN_STATE'],
    PrepareAbort: ['TRANSACTION_ABORTABLE', 'CONCURRENT_TRANSACTIONS'],
    CompleteCommit: ['repeat', 'INVALID_TXN_STATE'],
    CompleteAbort: ['TRANSACTION_ABORTABLE', 'repeat'],
    Dead: ['PRODUCER_FENCED', 'PRODUCER_FENCED'],
    PrepareEpochFence: ['PRODUCER_FENCED', 'PRODUCER_FENCED'],
  }
  for (const state of TRANSACTION_STATES) {
    assert.equal([answerAgain(state, 'commit'), answerAgain(state, 'abort')], again[state], state)
  }
})

test.run()
