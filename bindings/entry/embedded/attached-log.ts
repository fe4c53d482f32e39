import type { RuntimePort } from '../../broker/runtime-port.ts'
import { BrokerLog } from '../../client/log.ts'
import { AttachedBroker } from '../../engine/remote/attached-broker.ts'
import type { Channel } from '../../engine/remote/channel.ts'
import { attachTo } from '../../engine/remote/local-socket.ts'
import { LogError } from '../../model/errors.ts'
import { within } from '../../model/timers.ts'
import { notedHolder } from '../../storage/drivers/node-fs/holder-note.ts'
import { ANSWER_LIMIT_MS, silentHolder } from './holder-search.ts'

/** A log that another process holds, as long as that one does. */
export class AttachedLog extends BrokerLog {
  readonly #broker: AttachedBroker
  readonly #directory: string

  constructor(broker: AttachedBroker, port: RuntimePort, directory: string) {
    super(broker, port)
    this.#broker = broker
    this.#directory = directory
  }

  /** See Broker. The error names the holder. */
  whileAnswered<T>(work: Promise<T>): Promise<T> {
    return this.#broker.whileAnswered(work, () => silentHolder(notedHolder(this.#directory)))
  }
}

/**
 * The log of a directory that another process holds; `undefined` if nobody holds it or nobody may attach. For programs
 * that only read: it never becomes the holder.
 */
export async function openAttached(directory: string, port: RuntimePort): Promise<AttachedLog | undefined> {
  let channel: Channel | undefined = await attachTo(directory)
  if (channel === undefined) return undefined
  const broker = new AttachedBroker(async () => {
    const first = channel
    channel = undefined
    if (first === undefined) throw new LogError('LOG_CLOSED', 'the process that held the log is gone')
    return first
  }, port)
  const greeted = broker.open().then(
    () => true,
    () => false,
  )
  if ((await within(port, ANSWER_LIMIT_MS, greeted)) === true) return new AttachedLog(broker, port, directory)
  await broker.close()
  return undefined
}
