import type { Client } from './client.ts'
import type { SendState } from './model-state.ts'

/** A producer and partition remembers at most this many batches (durability rule 8). */
const WINDOW = 5

/**
 * What clients do once a log is open again after a crash: they retry what had no answer, send with a new producer,
 * close the log and open it again. Each disk operation of this is a crash point too.
 */
export function useAfterCrash(client: Client): void {
  for (const index of toRetry(client)) client.retry(index, 'all')
  client.settle()
  client.openProducer('afterwards')
  for (const { topic, partitions } of client.handle.topics()) {
    for (let partition = 0; partition < partitions; partition++) {
      client.send(topic, partition, { producer: 'afterwards', acks: 1 })
      client.send(topic, partition, { producer: 'afterwards', acks: 'all' })
      client.settle()
      client.fetch(topic, partition)
    }
  }
  client.close()
  client.open({ isClean: true })
}

/** The last batches of each producer and partition, acknowledged ones too: their answers may have been lost. */
function toRetry(client: Client): readonly number[] {
  const { model } = client.world
  const windows = new Map<string, SendState[]>()
  for (const send of model.sends) {
    if (model.topicIdOf(send.topic) !== send.topicId) continue
    // A refused batch is given up as soon as a later one went through: its sequence means nothing any more.
    if (send.wasRefused && model.sends.some((later) => isLaterOf(send, later))) continue
    const key = `${send.producerId}/${send.topicId}/${send.partition}`
    const window = windows.get(key) ?? []
    window.push(send)
    if (window.length > WINDOW) window.shift()
    windows.set(key, window)
  }
  return [...windows.values()].flat().map(({ index }) => index)
}

function isLaterOf(send: SendState, later: SendState): boolean {
  const { producerId, topicId, partition, index } = later
  const isSame = producerId === send.producerId && topicId === send.topicId && partition === send.partition
  return isSame && index > send.index && (later.outcome === 'acknowledged' || later.outcome === 'present')
}
