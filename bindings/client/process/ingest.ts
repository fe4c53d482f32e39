import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import { POSITIONS_TOPIC } from '../../model/names.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import { waitMs } from '../../model/timers.ts'
import { isWellFormed } from '../../model/well-formed.ts'
import { assertOptions, type OptionNames, wrongOption } from '../options.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { type Abortable, abortable, offAbort, onAbort, throwIfAborted } from '../signals.ts'
import { LastingSession } from '../transaction/lasting-session.ts'
import { TransactionSender } from '../transaction/transaction-sender.ts'
import { inBatches, SourceFailure } from './item-batches.ts'
import { keyText, readValues } from './partition-values.ts'

/**
 * A position in a foreign store, and the records made of what stands there. Items are kept, up to 1,000 of them, until
 * one transaction commits them: each needs objects and bytes of its own, not those that the next one is put into.
 */
export interface IngestItem<P extends string | number> {
  /** Handed to `read` again after a restart, which then gives what follows it. */
  readonly position: P
  /** One record, many or none; they are committed together with the position. */
  readonly records: ProducerRecord | readonly ProducerRecord[]
}

/** Options of `ingest`, which brings rows of a foreign store into the log, exactly once across any restart. */
export interface IngestOptions<P extends string | number> extends Abortable {
  /** Names the store: one `ingest` of a source works at a time, a newer one ends the older one (PRODUCER_FENCED). */
  source: string
  /**
   * Gives what follows a position, in order; `after` is `undefined` the first time. The position is committed in the
   * same transaction as the records, so nothing is skipped and nothing doubled. Called again after a transaction that
   * failed, once the signal of the call before has aborted.
   */
  read(after: P | undefined, signal: AbortSignalGiven): AsyncIterable<IngestItem<P>>
}

const NAMES: OptionNames<IngestOptions<string>> = { source: true, read: true, signal: true }
const BATCH_LIMITS = { maxItems: 1000, lingerMs: 5 }
const TIMEOUT_MS = 60_000
const RETRY_MS = 100
/** What its transactional id has room for beside its prefix. */
const SOURCE_BYTES_MAX = 32_752

export class Ingest<P extends string | number> {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #options: IngestOptions<P>
  readonly #sourceKey: Uint8Array
  readonly #transactionalId: string
  /** One for the whole run: opened anew, its id would end a newer run of the source. */
  #session: LastingSession
  readonly #sender: TransactionSender

  constructor(broker: Broker, port: RuntimePort, options: IngestOptions<P>) {
    assertOptions(options as IngestOptions<never>, NAMES, 'ingest')
    if (!isSource(options.source)) throw wrongOption('source', `well-formed text of 1 to ${SOURCE_BYTES_MAX} bytes`)
    if (typeof options.read !== 'function') throw wrongOption('read', 'a function')
    this.#broker = broker
    this.#port = port
    this.#options = options
    this.#sourceKey = new TextEncoder().encode(options.source)
    this.#transactionalId = `oncelog-ingest-${options.source}`
    this.#session = this.#newSession()
    this.#sender = new TransactionSender(port, {})
  }

  #newSession(): LastingSession {
    return new LastingSession(this.#broker, { transactionalId: this.#transactionalId, timeoutMs: TIMEOUT_MS })
  }

  async run(signal: AbortSignalGiven): Promise<void> {
    for (;;) {
      try {
        return await this.#readOnce(signal)
      } catch (error) {
        if (error instanceof SourceFailure) throw error.error
        // Work that is ended by the signal is done again, here or by the newer run of the source; a failure for good is
        // still reported.
        if (isWorthAnotherReading(error) || isFenced(error)) throwIfAborted(signal)
        if (LogError.is(error, 'INVALID_PRODUCER_ID_MAPPING')) await this.#assertForgotten(error)
        else if (!isWorthAnotherReading(error)) throw error
        await abortable(waitMs(this.#port, RETRY_MS), signal)
      }
    }
  }

  /**
   * The transactional id of a source that had no rows for a week is forgotten, and may be opened anew: the position
   * says where to go on. Not if a newer run of the source has it by now.
   */
  async #assertForgotten(cause: unknown): Promise<void> {
    const known = await this.#broker.admin.listTransactions()
    if (known.some((each) => each.transactionalId === this.#transactionalId)) throw this.#newerRun(cause)
    this.#session = this.#newSession()
  }

  /** In the program's words: it knows its source, and not the transactional id. */
  #newerRun(cause: unknown): LogError {
    const { source } = this.#options
    const message = `a newer ingest has the source "${source}", or its producer was fenced by hand`
    return new LogError('PRODUCER_FENCED', message, { source, transactionalId: this.#transactionalId }, cause)
  }

  /**
   * When a transaction fails, the read that fed it ends too: otherwise it would go on waiting for rows beside the next
   * read.
   */
  async #readOnce(signal: AbortSignalGiven): Promise<void> {
    const reading = new AbortController()
    const stop = () => reading.abort(signal.reason)
    onAbort(signal, stop)
    try {
      throwIfAborted(signal)
      await this.#readAll(reading.signal)
    } catch (error) {
      stop()
      throw error
    } finally {
      offAbort(signal, stop)
    }
  }

  async #readAll(signal: AbortSignalGiven): Promise<void> {
    // The transactional id first, which ends what an earlier run left open: after that this source's last position
    // can't change any more. Other sources have their positions in the same partition and may hold committed readers
    // back: their transactions are waited for.
    await this.#session.ready().catch((error: unknown) => {
      throw this.#inItsWords(error)
    })
    const items = this.#itemsAfter(await this.#lastPosition(signal), signal)
    for await (const batch of inBatches(items, BATCH_LIMITS, this.#port, signal)) {
      // Only around the write: the same error from the program's own `read` stays as it is.
      await this.#writeAll(batch, signal).catch((error: unknown) => {
        throw this.#inItsWords(error)
      })
    }
  }

  /**
   * A transaction has room for so many partitions. Where the batch has records for more, each half of it gets one:
   * nothing that the program can set would make it smaller.
   */
  async #writeAll(batch: readonly IngestItem<P>[], signal: AbortSignalGiven): Promise<void> {
    throwIfAborted(signal)
    try {
      await this.#write(batch)
    } catch (error) {
      if (batch.length === 1 || !LogError.is(error, 'RECORD_LIST_TOO_LARGE')) throw error
      const half = Math.ceil(batch.length / 2)
      await this.#writeAll(batch.slice(0, half), signal)
      await this.#writeAll(batch.slice(half), signal)
    }
  }

  #inItsWords(error: unknown): unknown {
    return LogError.is(error, 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH') ? this.#newerRun(error) : error
  }

  #itemsAfter(position: P | undefined, signal: AbortSignalGiven): AsyncIterable<IngestItem<P>> {
    let items: AsyncIterable<IngestItem<P>>
    try {
      items = this.#options.read(position, signal)
    } catch (error) {
      throw new SourceFailure(error)
    }
    if (typeof items?.[Symbol.asyncIterator] === 'function') return items
    throw wrongOption('read', 'a function that gives an async iterable')
  }

  async #lastPosition(signal: AbortSignalGiven): Promise<P | undefined> {
    const [positions] = await readValues(this.#broker, POSITIONS_TOPIC, [0], 'highWatermark', signal)
    const found = positions?.values.get(keyText(this.#sourceKey))
    return found === undefined ? undefined : (JSON.parse(new TextDecoder().decode(found.bytes)) as P)
  }

  async #write(batch: readonly IngestItem<P>[]): Promise<void> {
    // All of them: which one is the last of a transaction is chance, and must not decide whether it is refused.
    if (!batch.every(hasPosition)) throw wrongOption('position', 'a text or a number')
    const position = batch.at(-1)?.position
    const session = this.#session
    const sends = await session.begin()
    const producer = this.#sender.begin(sends)
    try {
      const records = batch.flatMap((item) => item.records)
      const { producerEpoch } = sends
      const value = JSON.stringify(position)
      const record = { key: this.#sourceKey, value, timestamp: undefined, headers: undefined }
      const place = { topic: POSITIONS_TOPIC, partition: 0, acks: 'all' as const, producerEpoch, baseSequence: 0 }
      await Promise.all([producer.send(records), sends.append({ ...place, records: [record] })])
      await session.commit()
    } catch (error) {
      this.#sender.failed()
      await producer.close().catch(() => {})
      await session.abort().catch(() => {})
      throw error
    }
  }
}

function hasPosition(item: Partial<IngestItem<string | number>> | null | undefined): boolean {
  return typeof item?.position === 'string' || Number.isFinite(item?.position)
}

/** Reading the source again may succeed: nothing of what failed was committed, or it was, and the position tells. */
function isWorthAnotherReading(error: unknown): boolean {
  return LogError.is(error) && ['abortable', 'retriable'].includes(error.category)
}

function isFenced(error: unknown): boolean {
  return LogError.is(error) && error.category === 'fenced'
}

/** Of text with half a surrogate pair another source could have the position. */
function isSource(source: unknown): boolean {
  if (typeof source !== 'string' || source === '') return false
  return isWellFormed(source) && new TextEncoder().encode(source).length <= SOURCE_BYTES_MAX
}
