import { damagedFile, linesOf } from './small-file.ts'

/** Batches from `startOffset` on carry `epoch`, up to the start of the next entry. */
export interface LeaderEpochEntry {
  readonly epoch: number
  readonly startOffset: number
}

const ENTRY = /^(0|[1-9]\d{0,9}) (0|[1-9]\d{0,15})$/
const COUNT = /^(0|[1-9]\d{0,9})$/
const INT32_MAX = 0x7fff_ffff

/** Version, count, then a line for each entry. Source: Kafka's CheckpointFile and LeaderEpochCheckpointFile. */
export function formatLeaderEpochs(entries: readonly LeaderEpochEntry[]): Uint8Array<ArrayBuffer> {
  const lines = ['0', String(entries.length)]
  for (const { epoch, startOffset } of entries) lines.push(`${epoch} ${startOffset}`)
  return new TextEncoder().encode(`${lines.join('\n')}\n`)
}

/** As Kafka reads it: an empty or version-only file has no entries; a wrong count, order or line is CORRUPT_LOG. */
export function parseLeaderEpochs(bytes: Uint8Array, path: string): LeaderEpochEntry[] {
  const [version, count, ...lines] = linesOf(bytes, path)
  if (version === undefined) return []
  if (version !== '0') throw damagedFile(path, 0, 'the version is not 0')
  if (count === undefined) return []
  if (!COUNT.test(count) || Number(count) !== lines.length) {
    throw damagedFile(path, 2, `the number of entries is not the ${lines.length} that follow`)
  }
  let position = version.length + count.length + 2
  const entries: LeaderEpochEntry[] = []
  for (const line of lines) {
    const entry = parseEntry(line)
    const before = entries.at(-1)
    if (entry === undefined) throw damagedFile(path, position, 'not an epoch and an offset')
    if (before !== undefined && (entry.epoch <= before.epoch || entry.startOffset <= before.startOffset)) {
      throw damagedFile(path, position, 'epoch or offset does not ascend')
    }
    entries.push(entry)
    position += line.length + 1
  }
  return entries
}

function parseEntry(line: string): LeaderEpochEntry | undefined {
  const match = ENTRY.exec(line)
  if (match === null) return undefined
  const epoch = Number(match[1])
  const startOffset = Number(match[2])
  return epoch > INT32_MAX || !Number.isSafeInteger(startOffset) ? undefined : { epoch, startOffset }
}

/**
 * The entries after batches of `epoch` began at `startOffset`; the same array if that was known. Entries that start at
 * or after it are dropped: none of their batches stayed. Source: Kafka's LeaderEpochFileCache.
 */
export function assignLeaderEpoch(
  entries: readonly LeaderEpochEntry[],
  epoch: number,
  startOffset: number,
): readonly LeaderEpochEntry[] {
  const last = entries.at(-1)
  if (last !== undefined && epoch <= last.epoch) return entries
  return [...entries.filter((entry) => entry.startOffset < startOffset), { epoch, startOffset }]
}

/**
 * The entries that hold for offsets from `logStartOffset` to before `endOffset`: the first one moves up to the start.
 */
export function clampLeaderEpochs(
  entries: readonly LeaderEpochEntry[],
  logStartOffset: number,
  endOffset: number,
): LeaderEpochEntry[] {
  const kept: LeaderEpochEntry[] = []
  for (const entry of entries) {
    if (entry.startOffset <= logStartOffset) kept.length = 0
    kept.push(entry.startOffset < logStartOffset ? { epoch: entry.epoch, startOffset: logStartOffset } : entry)
  }
  return kept.filter((entry) => entry.startOffset < endOffset)
}
