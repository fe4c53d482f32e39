import { AssignedPartition } from '../../../bindings/client/consumer/assigned-partition.ts'
import { Transactions } from '../../../bindings/coordinator/transaction/transactions.ts'
import { AttachedTransactionalProducer } from '../../../bindings/engine/remote/attached-transactions.ts'
import type { Channel } from '../../../bindings/engine/remote/channel.ts'
import { REPEATABLE } from '../../../bindings/engine/remote/lost-calls.ts'
import { joinPieces } from '../../../bindings/engine/remote/message-pieces.ts'
import { MessageReader } from '../../../bindings/engine/remote/message-reader.ts'
import { SEQUENCE_ACCEPTED } from '../../../bindings/kernel/kernel.ts'
import { KernelProducerTable } from '../../../bindings/kernel/producer-table.ts'
import { Partition } from '../../../bindings/log/partition/partition.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { Network } from '../../../bindings/testkit/simulation/channel/network.ts'
import { acknowledgeBeforeFlush, admitEverybody, forgetProducers, ignoreStableOffset } from '../code-faults.ts'
import { type Mend, replace } from '../fault-tools.ts'
import type { Kind } from './plan.ts'

export interface ChannelFault {
  readonly name: string
  /** Where it shows. */
  readonly kind: Kind
  /** Takes one mechanism out; the answer puts it back. */
  readonly plant: () => Mend
}

/** Each is what somebody could forget, and only shows when answers get lost, processes die or others come. */
export const CHANNEL_FAULTS: readonly ChannelFault[] = [
  { name: 'sequences are not looked at', kind: 'producers', plant: acceptEverySequence },
  { name: 'recovery forgets sequences', kind: 'producers', plant: forgetProducers },
  { name: 'acknowledged before the flush', kind: 'producers', plant: acknowledgeBeforeFlush },
  { name: 'an answer goes to the oldest request of its kind', kind: 'producers', plant: answerInOrder },
  { name: 'a commit without an answer counts as aborted', kind: 'transactions', plant: doubtIsAbort },
  { name: 'a newer instance fences nobody', kind: 'transactions', plant: fenceNobody },
  { name: 'appends need no open transaction', kind: 'transactions', plant: admitEverybody },
  { name: 'readers go past the last stable offset', kind: 'transactions', plant: ignoreStableOffset },
  { name: 'aborted records are not filtered', kind: 'transactions', plant: filterNothing },
  { name: 'after an abort the consumer goes on', kind: 'groups', plant: neverRewind },
]

function acceptEverySequence(): Mend {
  return replace(KernelProducerTable.prototype, 'check', () => () => SEQUENCE_ACCEPTED)
}

/** Nor is it asked for again: the work is run once more, in a new epoch, whatever became of the first run. */
function doubtIsAbort(): Mend {
  const calls = REPEATABLE as Set<string>
  calls.delete('endTransaction')
  const mend = replace(
    AttachedTransactionalProducer.prototype,
    'commit',
    (before) =>
      async function (this: AttachedTransactionalProducer) {
        try {
          await before.call(this)
        } catch (error) {
          if (LogError.is(error, 'NETWORK_EXCEPTION')) throw new LogError('TRANSACTION_ABORTABLE', 'no answer')
          throw error
        }
      },
  )
  return () => {
    mend()
    calls.add('endTransaction')
  }
}

export function fenceNobody(): Mend {
  return replace(
    Transactions.prototype,
    'planInit',
    (before) =>
      function (this: Transactions, request) {
        const known = this.describe(request.transactionalId)
        if (known === undefined) return before.call(this, request)
        return { records: [], instance: known, aborts: undefined }
      },
  )
}

function filterNothing(): Mend {
  return replace(
    Partition.prototype,
    'readCommitted',
    () =>
      function (this: Partition, offset, maxBytes) {
        return this.read(offset, this.lastStableOffset, maxBytes)
      },
  )
}

function neverRewind(): Mend {
  return replace(AssignedPartition.prototype, 'rewind', () => () => {})
}

/** A link that looks at the kind of an answer, not at its number: the oldest request of its kind gets it. */
function answerInOrder(): Mend {
  return replace(
    Network.prototype,
    'connect',
    (before) =>
      function (this: Network, client, server) {
        const [mine, theirs] = before.call(this, client, server)
        return [inOrder(mine), theirs]
      },
  )
}

function inOrder(channel: Channel): Channel {
  const asked: { readonly call: number; readonly method: string }[] = []
  return {
    send(message) {
      const reader = new MessageReader(joinPieces(message))
      asked.push({ call: reader.int32(), method: reader.text() })
      channel.send(message)
    },
    start(onMessage, onEnd) {
      channel.start((message, release) => {
        const view = new DataView(message.buffer, message.byteOffset)
        const call = view.getInt32(0, true)
        const method = asked.find((each) => each.call === call)?.method
        const oldest = asked.findIndex((each) => each.method === method)
        if (call !== 0 && oldest >= 0) view.setInt32(0, asked.splice(oldest, 1)[0]?.call ?? 0, true)
        onMessage(message, release)
      }, onEnd)
    },
    end: () => channel.end(),
    keepAlive: (isWanted) => channel.keepAlive(isWanted),
  }
}
