import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { Channel } from '../../engine/remote/channel.ts'
import type { Listener } from '../../engine/remote/listener.ts'
import { isShortage } from '../../engine/remote/shortage.ts'
import { LogError } from '../../model/errors.ts'
import { waitMs } from '../../model/timers.ts'

/** How the processes of one directory find each other. */
export interface Meeting {
  /** `undefined` if nobody listens. */
  attach(): Promise<Channel | undefined>
  /** Only the process that has the directory's lock may call it. */
  listen(attached: (channel: Channel) => void): Promise<Listener>
  /**
   * The error that taking the lock would meet, without trying it. Its details name nobody if no living process is
   * noted.
   */
  heldBy(): LogError
  /** Gives up what it keeps to recognise the log, because the log is closed; may be called twice. */
  leave?(): void
}

/**
 * After this time, in milliseconds, an opening is told that its holder is suspended or stuck. A log that is open
 * already keeps looking for a holder until it is closed.
 */
export const ANSWER_LIMIT_MS = 5000
const RETRY_MS = 5
/** Longest pause between two tries, in milliseconds: a recovery may take minutes. */
const RETRY_MS_MAX = 250
/**
 * How often the lock itself is tried, in milliseconds: the noted holder may be wrong, such as a thread that was ended
 * during its recovery.
 */
const SURE_MS = 2000

export interface HolderSearchOptions {
  readonly meeting: Meeting
  readonly port: RuntimePort
  /** Rejects with DIRECTORY_IN_USE instead of attaching. */
  readonly exclusive: boolean
  /** Tries the lock: `undefined` if this process holds the log now, else why it doesn't. */
  hold(): Promise<LogError | undefined>
  /** Throws once nobody wants the log any more. */
  assertWanted(): void
}

/** Finds who holds the log of a directory, which may be this process from then on. */
export class HolderSearch {
  readonly #options: HolderSearchOptions
  /** Names the holder that this process is attached to, or waits for. */
  #refusal: LogError | undefined

  constructor(options: HolderSearchOptions) {
    this.#options = options
  }

  /** As `#refusal`, for an opening whose holder didn't answer. */
  get unanswered(): LogError | undefined {
    return unanswered(this.#refusal)
  }

  /** For a close or a command whose holder gives no sign of life any more. */
  get silent(): LogError {
    return silentHolder(this.#refusal)
  }

  /**
   * A channel to the holder; `undefined` if this process has become the holder. A try for the lock costs a fork. Of
   * hundreds of processes that open a log or lose its holder, only those try that find nobody listening and no next
   * holder noted: all at once would starve the process that recovers.
   */
  async run(limitMs: number = Number.POSITIVE_INFINITY): Promise<Channel | undefined> {
    const { meeting, port, exclusive } = this.#options
    const left = this.#refusal
    let sureMs = left === undefined ? port.elapsed() : port.elapsed() + SURE_MS
    let shortMs: number | undefined
    for (let pauseMs = RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, RETRY_MS_MAX)) {
      this.#options.assertWanted()
      const channel = exclusive ? undefined : await meeting.attach()
      if (channel !== undefined) {
        this.#refusal = meeting.heldBy()
        return channel
      }
      // A process that opens a log tries the lock itself.
      const noted = port.elapsed() < sureMs ? meeting.heldBy() : undefined
      if (noted !== undefined) this.#refusal = noted
      if (noted === undefined || !isAnother(noted, left)) {
        this.#refusal = await this.#options.hold()
        if (this.#refusal === undefined) return undefined
        sureMs = port.elapsed() + SURE_MS
        shortMs = isShortage(this.#refusal) ? (shortMs ?? port.elapsed()) : undefined
      }
      const isShort = shortMs !== undefined && port.elapsed() > shortMs + ANSWER_LIMIT_MS
      if (exclusive || isShort) throw this.#refusal
      if (port.elapsed() > limitMs) throw unanswered(this.#refusal)
      await waitMs(port, pauseMs * (0.5 + port.random()))
    }
  }
}

/** `refusal` names the holder. */
export function silentHolder(refusal: LogError | undefined): LogError {
  const { message = 'the log is held by another process', details } = refusal ?? {}
  const advice = `continue it (kill -CONT) if it is stopped; what was under way may be done or not`
  const told = `${message}, which gave no sign of life for ${ANSWER_LIMIT_MS / 1000} s: ${advice}`
  return new LogError('NETWORK_EXCEPTION', told, details)
}

/** Closing the holder, as the error's hint says, would be the wrong advice where it only needs more time. */
function unanswered(refusal: LogError | undefined): LogError | undefined {
  if (!LogError.is(refusal, 'DIRECTORY_IN_USE')) return refusal
  const advice =
    'close it if it is exclusive, continue it (kill -CONT) or end it if it is stopped, open again if it is busy or recovering'
  const message = `${refusal.message}, and didn't answer within ${ANSWER_LIMIT_MS / 1000} s: ${advice}`
  return new LogError('DIRECTORY_IN_USE', message, refusal.details)
}

/** Whether the noted holder is another one than the one that this process was attached to. */
function isAnother(noted: LogError, left: LogError | undefined): boolean {
  const names = ['pid', 'since']
  return noted.details['pid'] !== undefined && names.some((name) => noted.details[name] !== left?.details[name])
}
