import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { ByteWriter } from '../../bindings/log/bytes/byte-writer.ts'
import {
  checkpointFile,
  decodeCheckpointFile,
  encodeCheckpointFile,
} from '../../bindings/log/checkpoint/checkpoint-file.ts'
import {
  type CheckpointPartition,
  type CheckpointRecord,
  type CheckpointSegment,
  writeFacts,
  writePartition,
} from '../../bindings/log/checkpoint/checkpoint-record.ts'
import { parseSegmentFileName, segmentFileName } from '../../bindings/log/files/file-names.ts'
import { formatLeaderEpochs } from '../../bindings/log/files/leader-epoch-checkpoint.ts'
import { chainHeader, NO_BATCHES } from '../../bindings/log/segment/header-checksum.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { ImageFile } from '../damage/image-file.ts'
import { StillPort } from '../damage/still-port.ts'
import { newKernel } from '../kernel/support.ts'

export const TOPIC = 'far'
export const START_MS = 1_700_000_000_000
const SECTOR_BYTES = 512
const PLACES = [0, 1, 2] as const

/** Where the one segment of a log is put, and what follows it. */
export interface Planting {
  /** Records in it, each a batch of its own. */
  readonly records: number
  readonly config?: TopicConfig
  /** Its offsets begin here. */
  readonly baseOffset?: number
  /** Zeros before its first batch. */
  readonly position?: number
  /** After an unclean end it goes on here. */
  readonly ceiling?: number
}

/**
 * A log that was closed, with its only partition moved to where it would take a year of appends to come: the checkpoint
 * says so, and a clean open believes it. Offsets, positions and every checksum are those that the log itself would have
 * written there.
 */
export async function plantedLog(planting: Planting): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await openLog(image, new StillPort(3))
  const config = { 'index.interval.bytes': 0, ...planting.config }
  await log.admin.createTopic(TOPIC, { partitions: 1, config })
  const { topicId } = await describe(log)
  const producer = log.producer({ batchSizeBytes: 0 })
  for (let index = 0; index < planting.records; index++) {
    await producer.send({ topic: TOPIC, key: `k${index % 2}`, value: `record ${index}`, timestamp: START_MS + index })
  }
  await log.close()
  new Planter(image, planting, topicId).plant()
  return image
}

async function describe(log: Awaited<ReturnType<typeof openLog>>): Promise<{ readonly topicId: string }> {
  return (await log.admin.describeTopic(TOPIC)) as unknown as { readonly topicId: string }
}

class Planter {
  readonly #image: DirectoryImage
  readonly #planting: Planting
  readonly #topicId: string
  readonly #kernel: Kernel = newKernel()

  constructor(image: DirectoryImage, planting: Planting, topicId: string) {
    this.#image = image
    this.#planting = planting
    this.#topicId = topicId
  }

  plant(): void {
    const found = PLACES.map((place) => ({ place, record: this.#recordAt(place) })).filter(
      ({ record }) => record !== undefined,
    )
    const newest = Math.max(...found.map(({ record }) => record?.sequence ?? -1))
    for (const { place, record } of found) {
      if (record?.sequence !== newest) this.#image.files.delete(checkpointFile(place))
      else this.#put(checkpointFile(place), this.#encoded(this.#moved(record)))
    }
  }

  #recordAt(place: number): CheckpointRecord | undefined {
    const bytes = this.#image.files.get(checkpointFile(place))?.bytes()
    return bytes && decodeCheckpointFile(bytes, this.#kernel, checkpointFile(place))
  }

  #encoded({ partitions, ...facts }: CheckpointRecord): Uint8Array {
    const writer = new ByteWriter()
    writeFacts(writer, facts)
    for (const partition of partitions) writePartition(writer, partition)
    return encodeCheckpointFile(writer.bytes, this.#kernel)
  }

  #put(path: string, bytes: Uint8Array, position = 0): ImageFile {
    const file = new ImageFile()
    file.write(bytes, position)
    this.#image.files.set(path, file)
    return file
  }

  #moved(record: CheckpointRecord): CheckpointRecord {
    const partitions = record.partitions.map((each) =>
      each.topicId === this.#topicId ? this.#movedPartition(each) : each,
    )
    return { ...record, partitions }
  }

  #movedPartition(partition: CheckpointPartition): CheckpointPartition {
    const by = this.#planting.baseOffset ?? 0
    const [segment, ...others] = partition.segments
    if (segment === undefined || others.length > 0) throw new Error('a planted partition has one segment')
    const path = this.#path(segment.baseOffset, 'log')
    const log = this.#image.files.get(path)?.bytes() ?? new Uint8Array()
    const moved = this.#movedSegment(segment, log)
    this.#renameFiles(by)
    const leaderEpochs = partition.leaderEpochs.map(({ epoch, startOffset }) => ({
      epoch,
      startOffset: startOffset + by,
    }))
    this.#put(`${TOPIC}-0/leader-epoch-checkpoint`, formatLeaderEpochs(leaderEpochs))
    const nextOffset = partition.nextOffset + by
    return {
      ...partition,
      ...{ logStartOffset: partition.logStartOffset + by, nextOffset, leaderEpochs, segments: [moved] },
      ceiling: this.#planting.ceiling ?? Math.max(partition.ceiling + by, nextOffset),
      partialSector: this.#partialSector(log, moved.sizeBytes),
      producers: partition.producers.map((producer) => ({
        ...producer,
        batches: producer.batches.map((batch) => {
          return { ...batch, baseOffset: batch.baseOffset + by, lastOffset: batch.lastOffset + by }
        }),
      })),
    }
  }

  #path(baseOffset: number, suffix: 'log' | 'index'): string {
    return `${TOPIC}-0/${segmentFileName(baseOffset, suffix)}`
  }

  #movedSegment(segment: CheckpointSegment, log: Uint8Array): CheckpointSegment {
    const { baseOffset: by = 0, position = 0 } = this.#planting
    const view = new DataView(log.buffer)
    const index: (readonly [relativeOffset: number, position: number])[] = []
    let headerChecksum = NO_BATCHES
    for (let at = 0; at < log.length; at += 12 + view.getInt32(at + 8)) {
      const baseOffset = Number(view.getBigInt64(at)) + by
      view.setBigInt64(at, BigInt(baseOffset))
      headerChecksum = chainHeader(this.#kernel, headerChecksum, log.subarray(at, at + 61))
      index.push([baseOffset - segment.baseOffset - by, at + position])
    }
    this.#put(this.#path(segment.baseOffset, 'log'), log, position)
    return {
      ...segment,
      baseOffset: segment.baseOffset + by,
      nextOffset: segment.nextOffset + by,
      maxTimestampOffset: segment.maxTimestampOffset + by,
      sizeBytes: segment.sizeBytes + position,
      headerChecksum,
      offsetIndex: position === 0 ? segment.offsetIndex : this.#putIndex(segment.baseOffset, index),
    }
  }

  /** With an entry for the first batch too: nothing is to be looked for before it. */
  #putIndex(baseOffset: number, entries: readonly (readonly [number, number])[]): CheckpointSegment['offsetIndex'] {
    const bytes = new Uint8Array(entries.length * 8)
    entries.forEach(([relativeOffset, position], at) => {
      new DataView(bytes.buffer).setInt32(at * 8, relativeOffset)
      new DataView(bytes.buffer).setInt32(at * 8 + 4, position)
    })
    this.#put(this.#path(baseOffset, 'index'), bytes)
    return { entryCount: entries.length, checksum: this.#kernel.crc32cOf(bytes) }
  }

  #renameFiles(by: number): void {
    if (by === 0) return
    for (const path of this.#image.paths.filter((each) => each.startsWith(`${TOPIC}-0/`))) {
      const parsed = parseSegmentFileName(path.slice(path.indexOf('/') + 1))
      // Snapshots are made anew from the batches.
      if (parsed?.suffix === 'snapshot') this.#image.files.delete(path)
      else if (parsed !== undefined) {
        this.#image.rename(path, `${TOPIC}-0/${segmentFileName(parsed.offset + by, parsed.suffix)}`)
      }
    }
  }

  /** The end of the file up to the last whole sector. */
  #partialSector(log: Uint8Array, sizeBytes: number): Uint8Array {
    const sector = new Uint8Array(sizeBytes % SECTOR_BYTES)
    const part = log.subarray(Math.max(0, log.length - sector.length))
    sector.set(part, sector.length - part.length)
    return sector
  }
}
