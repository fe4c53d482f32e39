import { partitionDirectory } from '../files/file-names.ts'
import { damagedFile, linesOf } from '../files/small-file.ts'

const ENTRY = /^(\S+) (0|[1-9]\d{0,9}) (-?\d{1,16})$/
const COUNT = /^(0|[1-9]\d{0,9})$/

/**
 * Reads one of a broker's files of offsets, by partition directory: version 0, the number of entries, then a line
 * `topic partition offset` for each. A missing or empty file, or one with only the version, has no entries. Source:
 * Kafka's CheckpointFile and OffsetCheckpointFile.
 */
export function parseOffsetCheckpoint(bytes: Uint8Array, path: string): ReadonlyMap<string, number> {
  const [version, count, ...lines] = linesOf(bytes, path)
  const offsets = new Map<string, number>()
  if (version === undefined) return offsets
  if (version !== '0') throw damagedFile(path, 0, 'the version is not 0')
  if (count === undefined) return offsets
  if (!COUNT.test(count) || Number(count) !== lines.length) {
    throw damagedFile(path, 2, `the number of entries is not the ${lines.length} that follow`)
  }
  let position = version.length + count.length + 2
  for (const line of lines) {
    const [, topic = '', partition, offset] = ENTRY.exec(line) ?? []
    if (offset === undefined || !Number.isSafeInteger(Number(offset))) {
      throw damagedFile(path, position, 'not a topic, a partition and an offset')
    }
    offsets.set(partitionDirectory(topic, Number(partition)), Number(offset))
    position += line.length + 1
  }
  return offsets
}
