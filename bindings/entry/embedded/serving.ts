import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { Channel } from '../../engine/remote/channel.ts'
import type { Listener } from '../../engine/remote/listener.ts'
import { loopback } from '../../engine/remote/loopback.ts'
import { ServedChannel } from '../../engine/remote/served-channel.ts'
import type { EmbeddedBroker } from '../../engine/sessions/embedded-broker.ts'
import { within } from '../../model/timers.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'

/** How long a close waits, in milliseconds, for members whose program doesn't return from a record. */
const RELEASE_LIMIT_MS = 5000

/** A log that this process holds: it was recovered, and nobody else writes to it. */
export interface Held {
  readonly broker: EmbeddedBroker
  readonly recovery: RecoveryReport
}

/** What a held log tells its process. */
export interface HoldHooks {
  /** Somebody waits for records, or nobody does any more. */
  waiting(isWaiting: boolean): void
  /** A warning for the user of the program. */
  warn(code: string, message: string): void
}

/** What a process does for the others of its directory while it holds the log: it answers what they ask. */
export class Serving {
  readonly #port: RuntimePort
  readonly #served: Set<ServedChannel> = new Set()
  /** Who waits for records of the log that this process holds: it stays alive for them. */
  readonly #waiting: Set<'sessions' | 'attached'> = new Set()
  /** Sessions of this process from before it held the log. */
  #ownServed: ServedChannel | undefined
  #listener: Listener | undefined

  constructor(port: RuntimePort) {
    this.#port = port
  }

  /** For the log as it is opened. */
  get hooks(): HoldHooks {
    return {
      waiting: (isWaiting) => this.#keepAlive('sessions', isWaiting),
      warn: (code, message) => this.#warn(code, message),
    }
  }

  /** Serves `held` to every process that attaches, until `end`. */
  async begin(held: Held, listen: (attached: (channel: Channel) => void) => Promise<Listener>): Promise<void> {
    this.#listener = await listen((channel) => this.#serve(channel, held))
  }

  /** Lets this process's earlier sessions go on with its own log, without a socket. */
  toItself(held: Held | undefined): Channel {
    const [mine, theirs] = loopback((isWanted) => this.#keepAlive('attached', isWanted))
    if (held !== undefined) this.#ownServed = this.#serve(theirs, held)
    return mine
  }

  #serve(channel: Channel, { broker, recovery }: Held): ServedChannel {
    return new ServedChannel(channel, broker, recovery, this.#served)
  }

  #keepAlive(who: 'sessions' | 'attached', isWanted: boolean): void {
    if (isWanted) this.#waiting.add(who)
    else this.#waiting.delete(who)
    this.#listener?.keepAlive(this.#waiting.size > 0)
  }

  /** Warns the programs of all processes, each once. */
  #warn(code: string, message: string): void {
    this.#port.warn?.(code, message)
    for (const served of this.#served) if (served !== this.#ownServed) served.warn(code, message)
  }

  /** Nobody attaches any more; who is attached stays. */
  stopListening(): void {
    this.#listener?.close()
  }

  /** Ends all channels. Where there still is a log to tell, members of groups are released first. */
  async end(held: Held | undefined): Promise<void> {
    if (held !== undefined && this.#served.size > 0) await this.#releaseMembers(held.broker)
    for (const served of this.#served) served.end()
  }

  /**
   * Lets members of other processes, share consumers included, commit what they have handled and give up what they
   * hold: the next holder doesn't know them.
   */
  async #releaseMembers(broker: EmbeddedBroker): Promise<void> {
    const kinds = ['releaseGroups', 'releaseShares'] as const
    // If the log can't reassign partitions any more, members end as they do when their holder is killed.
    const released = kinds.map((kind) => broker.ask<void>((done) => ({ kind, done })).catch(() => {}))
    await within(this.#port, RELEASE_LIMIT_MS, Promise.all(released))
  }
}
