import type { Broker } from '../broker/broker.ts'

/** Settles as the end of something does, or rejects where the log's holder falls silent meanwhile: see Broker. */
export function whileAnswered<T>(broker: Pick<Broker, 'whileAnswered'>, ending: Promise<T>): Promise<T> {
  return broker.whileAnswered?.(ending) ?? ending
}
