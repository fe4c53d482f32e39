// Lines of Kafka's DumpLogSegments (4.0.0) as rows of the same fields that `oncelog inspect` has. A line that none of
// these knows is a complaint of the tool.

export type Fields = Readonly<Record<string, string | number | boolean | null>>

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

const BATCH =
  /^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) baseSequence: (-?\d+) lastSequence: (-?\d+) producerId: (-?\d+) producerEpoch: (-?\d+) partitionLeaderEpoch: (\d+) isTransactional: (true|false) isControl: (true|false) deleteHorizonMs: OptionalLong(\.empty|\[\d+\]) position: (\d+) (CreateTime|LogAppendTime): (-?\d+) size: (\d+) magic: 2 compresscodec: (\w+) crc: \d+ isvalid: true$/
const RECORD =
  /^\| offset: (\d+) (?:CreateTime|LogAppendTime): (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: (-?\d+) headerKeys: \[([^\]]*)\](?: key: (.*?))?(?: payload: (.*))?$/
const MARKER =
  /^\| offset: (\d+) CreateTime: (-?\d+) keySize: 4 valueSize: 6 sequence: -1 headerKeys: \[\] endTxnMarker: (COMMIT|ABORT) coordinatorEpoch: \d+$/
const INDEX = /^offset: (\d+) position: (\d+)$/
const TIME_INDEX = /^timestamp: (-?\d+) offset: (\d+)$/
const ABORTED = /^version: 0 producerId: (\d+) firstOffset: (\d+) lastOffset: (\d+) lastStableOffset: (\d+)$/
const SNAPSHOT =
  /^producerId: (\d+) producerEpoch: (\d+) coordinatorEpoch: (-?\d+) currentTxnFirstOffset: \S+ lastTimestamp: -?\d+ ?(?:firstSequence: \d+ lastSequence: (\d+) lastOffset: (\d+) offsetDelta: \d+ timestamp: (-?\d+))?$/

function matched(line: string, pattern: RegExp, file: string): RegExpExecArray {
  const match = pattern.exec(line)
  if (match === null) throw new Error(`${file}: Kafka says "${line.slice(0, 400)}"`)
  return match
}

export function batchOf(line: string, file: string): Fields {
  const [
    ,
    base,
    last,
    count,
    sequence,
    ,
    producerId,
    epoch,
    leader,
    transactional,
    control,
    horizon,
    position,
    time,
    max,
    size,
    codec,
  ] = matched(line, BATCH, file)
  const attributes =
    CODECS.indexOf(codec ?? '') |
    (time === 'LogAppendTime' ? 8 : 0) |
    (transactional === 'true' ? 0x10 : 0) |
    (control === 'true' ? 0x20 : 0) |
    (horizon === '.empty' ? 0 : 0x40)
  return {
    position: Number(position),
    sizeBytes: Number(size),
    baseOffset: Number(base),
    lastOffset: Number(last),
    records: Number(count),
    maxTimestamp: Number(max),
    producerId: Number(producerId),
    producerEpoch: Number(epoch),
    baseSequence: Number(sequence),
    leaderEpoch: Number(leader),
    attributes,
    fault: '',
  }
}

/** Markers by their kind, which `inspect` leaves in their bytes. */
export function recordOf(line: string, file: string): Fields {
  const marker = MARKER.exec(line)
  if (marker !== null) return { offset: Number(marker[1]), timestamp: Number(marker[2]), marker: marker[3] ?? '' }
  const [, offset, timestamp, keySize, valueSize, , headers = '', key, value] = matched(line, RECORD, file)
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: keySize === '-1' ? null : (key ?? ''),
    value: valueSize === '-1' ? null : (value ?? ''),
    headers: headers === '' ? 0 : headers.split(',').length,
  }
}

export function indexEntryOf(line: string, file: string): Fields {
  const [, offset, position] = matched(line, INDEX, file)
  return { offset: Number(offset), position: Number(position) }
}

export function timeIndexEntryOf(line: string, file: string): Fields {
  const [, timestamp, offset] = matched(line, TIME_INDEX, file)
  return { timestamp: Number(timestamp), offset: Number(offset) }
}

export function abortedOf(line: string, file: string): Fields {
  const [, producerId, firstOffset, lastOffset, lastStableOffset] = matched(line, ABORTED, file).map(Number)
  return {
    version: 0,
    producerId: producerId ?? -1,
    firstOffset: firstOffset ?? -1,
    lastOffset: lastOffset ?? -1,
    lastStableOffset: lastStableOffset ?? -1,
  }
}

export function snapshotEntryOf(line: string, file: string): Fields {
  const [, producerId, producerEpoch, , lastSequence, lastOffset, timestamp] = matched(line, SNAPSHOT, file)
  const number = (text: string | undefined) => (text === undefined ? '' : Number(text))
  return {
    producerId: Number(producerId),
    producerEpoch: Number(producerEpoch),
    lastSequence: number(lastSequence),
    lastOffset: number(lastOffset),
    timestamp: number(timestamp),
  }
}
