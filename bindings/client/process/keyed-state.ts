import type { BatchMemory } from '../../model/batch-memory.ts'
import { LogError } from '../../model/errors.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { ownBytes } from '../topic/codec.ts'
import { decoded } from '../topic/decoded.ts'
import { HOW_TO_DECLARE, isDeclared, type Topic } from '../topic/topic.ts'
import { KeptValue } from './kept-value.ts'
import { isText, keyText, type PartitionValues } from './partition-values.ts'

/** Keyed state of a processor, kept in a compacted topic: its changelog. */
export interface StateStore<K = never, V = never> {
  /**
   * Where changes go, in the transaction of the records that made them: of a key that the records of one transaction
   * change several times, what they leave.
   */
  readonly changelog: Topic<string, K, K, V, V>
}

/** A store of any types. */
export interface AnyStateStore {
  /** Its topic. */
  readonly changelog: { readonly name: string }
}

/**
 * Declares state that lives in `changelog`, a topic with `cleanup.policy` `compact` and at least as many partitions as
 * the input (else `done` rejects with INVALID_CONFIG). With `compact,delete` a value that nobody sets for
 * `retention.ms` may be gone after the next start. State is what the changelog holds, also if that is deleted and
 * created again meanwhile. If it is altered so that retention removes values, `done` rejects when state is restored the
 * next time, at the latest after the next start.
 */
export function store<N extends string, K, V>(changelog: Topic<N, K, K, V, V>): StateStore<K, V> {
  if (!isDeclared(changelog)) {
    throw new LogError('INVALID_REQUEST', `changelog must be a declared topic: ${HOW_TO_DECLARE}`, {
      argument: 'changelog',
    })
  }
  return Object.freeze({ changelog: changelog as unknown as Topic<string, K, K, V, V> })
}

/**
 * The state of one record's partition, for one call of `handle`. Once that has ended, each use of it is refused with
 * INVALID_TXN_STATE: a change would belong to no record any more, and be lost.
 */
export interface KeyValue<K, V> {
  /**
   * The value that was set last, as a copy; `undefined` without one. Rejects with RECORD_DESERIALIZATION if the
   * changelog's codec refuses what is stored.
   */
  get(key: K): Promise<V | undefined>
  /**
   * Sets the key's value, of which it keeps a copy. Throws RECORD_SERIALIZATION if the changelog's codec refuses it. If
   * it is too large for the changelog, the record fails once `handle` has ended.
   */
  set(key: K, value: V): void
  /** Deletes the key's value. */
  delete(key: K): void
}

/** By the names under which `process` was given its stores. */
export type StatesOf<S> = {
  readonly [N in keyof S]: S[N] extends StateStore<infer K, infer V> ? KeyValue<K, V> : never
}

/** A class and no literal, for the same reason as CheckedRecord: a batch's changes are in use until it is sent. */
class Change {
  /** The key's bytes as text. */
  readonly text: string
  readonly value: KeptValue | null
  /** The record for the changelog, in the partition of the input. */
  readonly record: ProducerRecord

  constructor(text: string, record: ProducerRecord) {
    this.text = text
    this.value = (record.value as Uint8Array | null) && new KeptValue(record.value as Uint8Array)
    this.record = record
  }
}

type Found = KeptValue | null | undefined

interface Below {
  find(key: string): Found
}

/**
 * What all layers lie on: the committed values, and over them the changes of the batch whose transaction is committed
 * while the next batch is handled.
 */
export class BaseLayer implements Below {
  readonly #values: PartitionValues
  committing: Layer | undefined

  constructor(values: PartitionValues) {
    this.#values = values
  }

  find(key: string): Found {
    const change = this.committing?.changeOf(key)
    return change === undefined ? this.#values.values.get(key) : (change.value ?? undefined)
  }

  committed(): void {
    for (const { text, value } of this.committing?.changes ?? NO_CHANGES) this.#values.keep(text, value)
    this.committing = undefined
  }
}

/**
 * Up to this many changes are searched one after the other: a map for each record would cost more than what is in it.
 */
const FEW_CHANGES = 8
const NO_CHANGES: readonly Change[] = []

/**
 * Changes by one try of a record, or by one batch, over the values below. A try that failed drops its layer; one that
 * succeeded adds its changes to the batch's. An aborted transaction isn't undone here: all of its partition's state is
 * forgotten (`RestoredStates.forget`) and read again. Hot path: each try has a layer.
 */
export class Layer {
  readonly #below: Below
  /** Whether the call of `handle` that it is for has ended. */
  hasEnded = false
  #fewChanges: Change[] | undefined
  /** Used in place of the list once there are more. */
  #manyChanges: Map<string, Change> | undefined
  /**
   * What was read below this layer, where that can change meanwhile. The same object is the same value, though its bytes
   * may be gone once another one has replaced it.
   */
  readonly #seen: Map<string, Found> | undefined

  constructor(below: Below, watchesBelow: boolean) {
    this.#below = below
    this.#seen = watchesBelow ? new Map() : undefined
  }

  get changes(): Iterable<Change> {
    return this.#manyChanges?.values() ?? this.#fewChanges ?? NO_CHANGES
  }

  /** `null`: deleted by a layer. */
  find(key: string): Found {
    const change = this.changeOf(key)
    if (change !== undefined) return change.value
    const found = this.#below.find(key)
    if (this.#seen?.has(key) === false) this.#seen.set(key, found)
    return found
  }

  /** Whether something that was read below it has changed since. */
  get isStale(): boolean {
    for (const [key, found] of this.#seen ?? []) if (this.#below.find(key) !== found) return true
    return false
  }

  changeOf(key: string): Change | undefined {
    if (this.#manyChanges !== undefined) return this.#manyChanges.get(key)
    for (const change of this.#fewChanges ?? NO_CHANGES) if (change.text === key) return change
    return undefined
  }

  set(change: Change): void {
    if (this.#manyChanges !== undefined) {
      this.#manyChanges.set(change.text, change)
      return
    }
    this.#fewChanges ??= []
    const at = this.#fewChanges.findIndex(({ text }) => text === change.text)
    if (at >= 0) this.#fewChanges[at] = change
    else this.#fewChanges.push(change)
    if (this.#fewChanges.length <= FEW_CHANGES) return
    this.#manyChanges = new Map(this.#fewChanges.map((each) => [each.text, each]))
    this.#fewChanges = undefined
  }

  /** Takes over the changes of the layer above. */
  take(above: Layer): void {
    for (const change of above.changes) this.set(change)
  }

  addRecords(to: ProducerRecord[]): void {
    for (const { record } of this.changes) to.push(record)
  }
}

/**
 * A layer as the program sees it: keys and values decoded by the changelog's codecs, as copies that nobody else holds.
 */
export class StateView<K, V> implements KeyValue<K, V> {
  readonly #changelog: Topic<string, K, K, V, V>
  readonly #partition: number
  readonly #layer: Layer
  /** Where copies lie. */
  readonly #memory: BatchMemory
  #lastText = ''

  constructor(changelog: Topic<string, K, K, V, V>, partition: number, layer: Layer, memory: BatchMemory) {
    this.#changelog = changelog
    this.#partition = partition
    this.#layer = layer
    this.#memory = memory
  }

  async get(key: K): Promise<V | undefined> {
    this.#assertInTime()
    const found = this.#layer.find(this.#textOf(this.#encoded(key, null)))
    if (found === null || found === undefined) return undefined
    const { name: topic, value: codec } = this.#changelog
    const stored = { topic, partition: this.#partition, part: 'value' } as const
    return decoded(codec, ownBytes(codec, found.bytes, this.#memory), stored)
  }

  set(key: K, value: V): void {
    this.#change(this.#encoded(key, value))
  }

  delete(key: K): void {
    this.#change(this.#encoded(key, null))
  }

  #assertInTime(): void {
    if (!this.#layer.hasEnded) return
    const message = 'handle has ended, so its state is out of reach: await in it all that asks or changes state'
    const place = { topic: this.#changelog.name, partition: this.#partition }
    throw new LogError('INVALID_TXN_STATE', message, place)
  }

  #change(record: ProducerRecord): void {
    this.#assertInTime()
    const { topic, partition } = record
    const key = ownBytes(this.#changelog.key, record.key as Uint8Array, this.#memory)
    const value = record.value && ownBytes(this.#changelog.value, record.value as Uint8Array, this.#memory)
    this.#layer.set(new Change(this.#textOf(record), { topic, key, value, partition }))
  }

  #encoded(key: K, value: V | null): ProducerRecord {
    const record = this.#changelog.record({ key, value, partition: this.#partition })
    if (record.key !== null && record.key !== undefined) return record
    throw new LogError('INVALID_REQUEST', 'a key of state is never null', { topic: this.#changelog.name })
  }

  /** Mostly the key that is set was just read, so its text is remembered. */
  #textOf({ key }: ProducerRecord): string {
    if (!isText(key as Uint8Array, this.#lastText)) this.#lastText = keyText(key as Uint8Array)
    return this.#lastText
  }
}
