import type { LogError } from '../../model/errors.ts'
import { nextCall } from './call-numbers.ts'
import type { Channel } from './channel.ts'
import { isAskedAgain, lostCall, UNCHANGING, unknownOutcome } from './lost-calls.ts'
import type { MessagePieces } from './message-pieces.ts'
import type { MessageReader } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'
import { CALL_BYTES } from './protocol.ts'

/** How the asker of a call hears its outcome. */
export interface Asker {
  readonly answered: (reader: MessageReader) => void
  readonly failed: (error: unknown) => void
  /** For a call that waits for records: called when the session is woken. */
  readonly woken: (() => void) | undefined
}

export interface PendingCall extends Asker {
  readonly method: string
  readonly session: number
  message: MessagePieces
  /** A holder may have received it. */
  wasSent: boolean
}

/** The calls of a link that have no answer yet, by their numbers and in the order in which they were asked. */
export class PendingCalls {
  readonly #calls: Map<number, PendingCall> = new Map()
  /** Those that wait for records, by session: each iteration that ends wakes its own, beside thousands of other calls. */
  readonly #waiting: Map<number, Set<number>> = new Map()
  /** Called when there is a call again, and when there is none any more. */
  readonly #used: (isUsed: boolean) => void
  #newest = 0

  constructor(used: (isUsed: boolean) => void) {
    this.#used = used
  }

  nextNumber(): number {
    this.#newest = nextCall(this.#newest, this.#calls)
    return this.#newest
  }

  add(call: number, pending: PendingCall): void {
    this.#put(call, pending)
    if (this.#calls.size === 1) this.#used(true)
  }

  #put(call: number, pending: PendingCall): void {
    this.#calls.set(call, pending)
    if (pending.woken === undefined) return
    const { session } = pending
    this.#waiting.set(session, (this.#waiting.get(session) ?? new Set()).add(call))
  }

  get(call: number): PendingCall | undefined {
    return this.#calls.get(call)
  }

  remove(call: number): void {
    const pending = this.#calls.get(call)
    if (pending?.woken !== undefined) this.#endWait(call, pending)
    this.#calls.delete(call)
    if (this.#calls.size === 0) this.#used(false)
  }

  #endWait(call: number, { session }: PendingCall): void {
    const waiting = this.#waiting.get(session)
    if (waiting?.delete(call) && waiting.size === 0) this.#waiting.delete(session)
  }

  /** Whether one that was sent may change the log. */
  get areChanging(): boolean {
    for (const { method, wasSent } of this.#calls.values()) if (wasSent && !UNCHANGING.has(method)) return true
    return false
  }

  /** Ends the session's calls that wait for records. */
  wake(session: number): void {
    for (const call of [...(this.#waiting.get(session) ?? [])]) {
      const woken = this.#calls.get(call)?.woken
      this.remove(call)
      woken?.()
    }
  }

  sendHello(channel: Channel): void {
    for (const pending of this.#calls.values()) if (pending.method === 'hello') send(pending, channel)
  }

  /** Sends all of them over a new channel. */
  sendAnew(channel: Channel): void {
    this.#numberAnew()
    for (const pending of this.#calls.values()) send(pending, channel)
  }

  /**
   * Call numbers ascend on each channel (decision 033). A call that waits for records may have waited for more calls
   * than half of all numbers: under its old number it would make every later one count as older than itself.
   */
  #numberAnew(): void {
    for (const pending of this.#takeAll()) {
      const call = this.nextNumber()
      pending.message = numbered(pending.message, call)
      this.#put(call, pending)
    }
  }

  #takeAll(): readonly PendingCall[] {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    this.#waiting.clear()
    return calls
  }

  /** A channel has ended: calls that can't be asked again are lost. */
  lose(): void {
    for (const [call, { method, wasSent, failed }] of [...this.#calls]) {
      if (isAskedAgain(method, wasSent)) continue
      this.remove(call)
      failed(lostCall(method))
    }
  }

  /** No holder will answer them: all reject. */
  refuse(error: LogError): void {
    for (const { method, wasSent, failed } of this.#takeAll()) {
      failed(wasSent && !UNCHANGING.has(method) ? unknownOutcome(method, error) : error)
    }
  }
}

export function send(call: PendingCall, channel: Channel): void {
  call.wasSent = true
  channel.send(call.message)
}

/**
 * The message under another number, as a copy of its head: another channel may still hold the message as it was sent.
 */
function numbered([first = new Uint8Array(CALL_BYTES), ...rest]: MessagePieces, call: number): MessagePieces {
  const [head] = new MessageWriter(CALL_BYTES).int32(call).finish()
  return [head as Uint8Array, first.subarray(CALL_BYTES), ...rest]
}
