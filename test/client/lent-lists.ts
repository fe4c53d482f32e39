// Lists that are batches by themselves, which a log in the same process takes uncopied.
import type { Log } from '../../bindings/client/log.ts'
import type { Sender } from '../../bindings/client/producer/producer-type.ts'
import type { ProducerRecord } from '../../bindings/client/producer-record.ts'

export const COUNT = 40
export const filler: string = 'x'.repeat(1000)

/** More than a batch of 16 KiB. */
export function list(name: string, change: Partial<ProducerRecord> = {}): ProducerRecord[] {
  return Array.from({ length: COUNT }, (_, at) => ({ topic: 't', value: `${name} ${at} ${filler}`, ...change }))
}

/** Sends, and uses the list and its records again at once. */
export function sendAndReuse(sender: Sender, records: ProducerRecord[]): Promise<unknown> {
  const sent = sender.send(records)
  for (const record of records) {
    record.value = 'used again'
    record.headers = { used: 'again' }
  }
  records.length = 1
  return sent
}

export async function known(log: Log, producer: Sender = log.producer()): Promise<Sender> {
  await producer.send({ topic: 't', value: 'known' })
  return producer
}
