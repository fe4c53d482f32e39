import { BigEndianReader } from '../../coordinator/big-endian-reader.ts'
import { damaged } from '../../log/catalogue/catalogue-codec.ts'
import type { TableRecordPlace } from '../../log/catalogue/table-record.ts'
import { topicIdOf } from '../../log/catalogue/topic-ids.ts'

/** A topic as the controllers' log has it. */
export interface ClusterTopic {
  readonly name: string
  readonly topicId: string
  /** Number of its partitions in the cluster. */
  partitions: number
  /** As set on the topic; for other keys the broker's own properties count. */
  readonly configs: Map<string, string>
}

/** Source: apache/kafka metadata/src/main/resources/common/metadata/*.json (4.0). */
const TOPIC = 2
const PARTITION = 3
const CONFIG = 4
const REMOVE_TOPIC = 9
const PRODUCER_IDS = 15
const BEGIN_TRANSACTION = 23
const END_TRANSACTION = 24
const ABORT_TRANSACTION = 25

const FRAME_VERSION = 1
const RESOURCE_TOPIC = 2
const TOPIC_ID_BYTES = 16

type Change = () => void

/**
 * Topics with their ids and configs, as the records of a broker's `__cluster_metadata` tell them. A record's value is:
 * frame version 1, number of its kind, its version, all unsigned varints, then the fields in flexible form. Kinds that
 * say nothing of topics are passed over.
 */
export class ClusterMetadata {
  readonly #byName = new Map<string, ClusterTopic>()
  readonly #byId = new Map<string, ClusterTopic>()
  /** Configs that came before their topic, by the topic's name. */
  readonly #configs = new Map<string, Map<string, string>>()
  /** Changes of a controller transaction that hasn't ended (KIP-868). */
  #held: Change[] | undefined
  /** All producer ids below it were given out. */
  producerIdsEnd = 0

  topic(name: string): ClusterTopic | undefined {
    return this.#byName.get(name)
  }

  topics(): Iterable<ClusterTopic> {
    return this.#byName.values()
  }

  take(bytes: Uint8Array, place: TableRecordPlace): void {
    const value = new BigEndianReader(bytes, place)
    const frameVersion = value.varint()
    if (frameVersion !== FRAME_VERSION) throw damaged(place, `its frame version is ${frameVersion}`)
    const kind = value.varint()
    value.varint()
    if (kind === BEGIN_TRANSACTION) this.#held = []
    else if (kind === ABORT_TRANSACTION) this.#held = undefined
    else if (kind === END_TRANSACTION) {
      for (const change of this.#held ?? []) change()
      this.#held = undefined
    } else this.#hold(this.#changeOf(kind, value))
  }

  #hold(change: Change | undefined): void {
    if (change === undefined) return
    if (this.#held === undefined) change()
    else this.#held.push(change)
  }

  /** Only a record's first fields are read: later versions add others after them. */
  #changeOf(kind: number, value: BigEndianReader): Change | undefined {
    switch (kind) {
      case TOPIC: {
        const name = value.compactString()
        const topicId = topicIdOf(value.raw(TOPIC_ID_BYTES))
        return () => this.#create(name, topicId)
      }
      case PARTITION: {
        const number = value.int32()
        const topicId = topicIdOf(value.raw(TOPIC_ID_BYTES))
        return () => this.#grow(topicId, number + 1)
      }
      case CONFIG: {
        const isTopic = value.int8() === RESOURCE_TOPIC
        const name = value.compactString()
        const key = value.compactString()
        const text = value.nullableCompactString()
        return isTopic ? () => this.#configure(name, key, text) : undefined
      }
      case REMOVE_TOPIC: {
        const topicId = topicIdOf(value.raw(TOPIC_ID_BYTES))
        return () => this.#remove(topicId)
      }
      case PRODUCER_IDS: {
        value.int32()
        value.int64('brokerEpoch')
        const end = value.int64('nextProducerId')
        return () => {
          this.producerIdsEnd = Math.max(this.producerIdsEnd, end)
        }
      }
      default:
        return undefined
    }
  }

  #create(name: string, topicId: string): void {
    const topic = { name, topicId, partitions: 0, configs: this.#configsOf(name) }
    this.#byName.set(name, topic)
    this.#byId.set(topicId, topic)
  }

  #grow(topicId: string, partitions: number): void {
    const topic = this.#byId.get(topicId)
    if (topic !== undefined) topic.partitions = Math.max(topic.partitions, partitions)
  }

  #configure(name: string, key: string, text: string | null): void {
    if (text === null) this.#configsOf(name).delete(key)
    else this.#configsOf(name).set(key, text)
  }

  /** A snapshot may name configs before the topic. */
  #configsOf(name: string): Map<string, string> {
    const configs = this.#configs.get(name) ?? new Map<string, string>()
    this.#configs.set(name, configs)
    return configs
  }

  #remove(topicId: string): void {
    const topic = this.#byId.get(topicId)
    if (topic === undefined) return
    this.#byId.delete(topicId)
    this.#byName.delete(topic.name)
    this.#configs.delete(topic.name)
  }
}
