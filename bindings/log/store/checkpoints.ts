import type { Task } from '../../storage/effect.ts'
import { placeAfter, removeFurtherPlaces } from '../checkpoint/checkpoint-file.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { JournalHeader } from '../journal/header.ts'
import type { Journal } from '../journal/journal.ts'
import type { Recovered } from '../recovery/recovered.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { CheckpointNeed } from './checkpoint-need.ts'
import { Checkpointer, type CheckpointerParts } from './checkpointer.ts'
import type { DiskReserve } from './disk-reserve.ts'
import { AT_ONCE_ALONE } from './file-store-options.ts'
import type { PartitionMap } from './partition-map.ts'
import { recoveredSource } from './recovered-source.ts'

export interface CheckpointsParts extends CheckpointerParts {
  readonly partitions: PartitionMap<StoredFiles>
  readonly reserve: DiskReserve
}

/**
 * The order of the log's checkpoints: which one is the newest durable one, and what the next one covers. The next one
 * goes to another place than the newest; once it is durable it becomes the newest and releases the frames that it
 * covers to the ring (rule 4).
 */
export class Checkpoints {
  readonly need: CheckpointNeed = new CheckpointNeed()
  readonly checkpointer: Checkpointer
  readonly #parts: CheckpointsParts
  /** Sequence of the newest durable checkpoint. */
  #sequence = 0
  #nextPlace = 0
  #sizeBytes = 0
  /**
   * Everything that frames up to this one hold is in its segments, decisions too: so a checkpoint covers these frames.
   */
  #appliedSequence = 0
  #producerIdsEnd = 0

  constructor(parts: CheckpointsParts) {
    this.#parts = parts
    this.checkpointer = new Checkpointer(parts)
  }

  get sequence(): number {
    return this.#sequence
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get appliedSequence(): number {
    return this.#appliedSequence
  }

  get producerIdsEnd(): number {
    return this.#producerIdsEnd
  }

  recovered({ noted, checkpointSequence, nextCheckpointPlace, coveredSequence, producerIdsEnd }: Recovered): void {
    for (const [key, record] of noted) this.checkpointer.remember(key, record)
    this.#sequence = checkpointSequence
    this.#nextPlace = nextCheckpointPlace
    this.#appliedSequence = coveredSequence
    this.#producerIdsEnd = producerIdsEnd
  }

  committed(appliedSequence: number, producerIdsEnd: number | undefined): void {
    this.#appliedSequence = appliedSequence
    this.#producerIdsEnd = producerIdsEnd ?? this.#producerIdsEnd
  }

  /** The checkpoint after an unclean end, before the first acknowledgement: it notes all that was recovered. */
  *writeRecovered({ partitions, noted, header }: Recovered): Task<void> {
    const source = recoveredSource(partitions, this.#parts.source)
    const checkpointer = new Checkpointer({ ...this.#parts, source })
    for (const [key, record] of noted) checkpointer.remember(key, record)
    for (const files of this.#parts.partitions.values()) {
      files.hasChanged = !noted.has(partitionKey(files.id.topicId, files.id.partition))
    }
    const { partitions: all, reserve } = this.#parts
    yield* reserve.guard(() => checkpointer.write(all.values(), this.#facts(header), this.#nextPlace, AT_ONCE_ALONE))
    for (const [key, bytes] of checkpointer.records()) this.checkpointer.keep(key, bytes)
    this.#sequence++
    this.#nextPlace = placeAfter(this.#nextPlace)
    yield* removeFurtherPlaces(this.#parts.store)
  }

  /** Notes `atOnce` partitions before commits have their turn again. */
  write(journal: Journal, atOnce: number): Task<void> {
    return this.#parts.reserve.guard(() => this.#write(journal, atOnce))
  }

  *#write(journal: Journal, atOnce: number): Task<void> {
    this.need.begin()
    try {
      journal.assertOwnGeneration()
      const facts = this.#facts(journal.header)
      const { partitions } = this.#parts
      this.#sizeBytes = yield* this.checkpointer.write(partitions.values(), facts, this.#nextPlace, atOnce)
      this.#sequence = facts.sequence
      this.#nextPlace = placeAfter(this.#nextPlace)
      journal.ring.release(facts.coveredSequence)
    } finally {
      this.need.end()
    }
  }

  #facts({ nonce, generation, leaderEpoch }: JournalHeader) {
    return {
      nonce,
      sequence: this.#sequence + 1,
      generation,
      coveredSequence: this.#appliedSequence,
      leaderEpoch,
      producerIdsEnd: this.#producerIdsEnd,
    }
  }
}
