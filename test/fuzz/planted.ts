import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { readError } from '../../bindings/engine/remote/errors.ts'
import { readFetched } from '../../bindings/engine/remote/fetched-list.ts'
import { Link } from '../../bindings/engine/remote/link.ts'
import { readRecords } from '../../bindings/engine/remote/record-list.ts'
import { readValue } from '../../bindings/engine/remote/values.ts'
import { readLines } from '../../bindings/entry/cli/input.ts'
import { nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import { msgpack } from '../../bindings/entry/msgpack.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { decodeCheckpointFile } from '../../bindings/log/checkpoint/checkpoint-file.ts'
import { readAborted } from '../../bindings/log/files/aborted-transaction.ts'
import { parseLeaderEpochs } from '../../bindings/log/files/leader-epoch-checkpoint.ts'
import { parsePartitionMetadata } from '../../bindings/log/files/partition-metadata.ts'
import { decodeProducerSnapshot } from '../../bindings/log/files/producer-snapshot.ts'
import { readFrameHeader } from '../../bindings/log/journal/frame.ts'
import { readEntries } from '../../bindings/log/journal/frame-entry.ts'
import { decodeHeader } from '../../bindings/log/journal/header.ts'
import { type CompressionCodec, type CompressionType, codecOf } from '../../bindings/model/compression.ts'
import type { Fixture } from '../damage/fixture.ts'
import { observe } from '../damage/observe.ts'
import { newKernel } from '../kernel/support.ts'
import { type FuzzTarget, viewOf } from './target.ts'
import { answerTarget } from './targets/answers.ts'
import { batchTarget, segmentTarget, unchangedCodecs } from './targets/batches.ts'
import { checkpointTarget } from './targets/checkpoints.ts'
import { gzipTarget, lz4Target, snappyTarget, zstdTarget } from './targets/codecs.ts'
import { argumentTarget, inputTarget } from './targets/command-line.ts'
import { directoryTarget } from './targets/directories.ts'
import { abortedTarget, offsetIndexTarget, timeIndexTarget } from './targets/indexes.ts'
import { frameTarget, journalHeaderTarget } from './targets/journal.ts'
import { agreedCallTarget, wildCallTarget } from './targets/kernel-calls.ts'
import { freshExports, wildExportTarget } from './targets/kernel-exports.ts'
import { requestTarget, serveChannel } from './targets/requests.ts'
import { leaderEpochTarget, metadataTarget, snapshotTarget } from './targets/small-files.ts'
import { receive, socketTarget } from './targets/sockets.ts'
import { catalogueTable, groupTable, shareTable, tableTarget, transactionTable } from './targets/tables.ts'
import { errorTarget, fetchedTarget, msgpackTarget, recordTarget, valueTarget } from './targets/values.ts'

/** A fault that somebody could make, in what a target calls. */
export interface Planted {
  readonly what: string
  readonly target: FuzzTarget
}

/** One for each target at least: a fuzzer that finds none of them finds nothing. */
export async function plantedFaults(fixtures: readonly Fixture[]): Promise<readonly Planted[]> {
  return [
    ...inTheKernel(),
    ...inFiles(),
    ...inTables(),
    ...inCodecs(),
    ...inCalls(),
    ...inCommands(),
    ...(await inDirectories(fixtures)),
  ]
}

/** The same object with some of its methods exchanged. */
function altered<T extends object>(whole: T, changes: Partial<T>): T {
  return new Proxy(whole, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return changes[name as keyof T]
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function inTheKernel(): Planted[] {
  const kernel = newKernel(16 << 20, unchangedCodecs)
  const { batchReader } = kernel
  const leaky: Kernel = altered(kernel, {
    allocate(sizeBytes) {
      const buffer = kernel.allocate(sizeBytes)
      return buffer && altered(buffer, { free: () => (sizeBytes === 513 ? undefined : buffer.free()) })
    },
  })
  const exports = freshExports()
  return [
    {
      what: 'a batch is decoded without a look at its checksum',
      target: batchTarget(kernel, altered(batchReader, { decode: (b, p, a) => batchReader.decodeIntact(b, p, a) })),
    },
    {
      what: 'offsets of a segment may fall',
      target: segmentTarget(
        kernel,
        altered(batchReader, { intactBytes: (b, p, a) => batchReader.intactBytes(b, p, a, 0) }),
      ),
    },
    {
      what: 'a lookup finds the entry before',
      target: offsetIndexTarget((base) => {
        const index = kernel.offsetIndex(base)
        return altered(index, { lookup: (offset) => index.lookup(offset - 1) })
      }),
    },
    {
      what: 'a time is looked up in seconds',
      target: timeIndexTarget((base) => {
        const index = kernel.timeIndex(base)
        return altered(index, { lookup: (time) => index.lookup(Math.floor(time / 1000) * 1000) })
      }),
    },
    { what: 'a buffer of one size is never given back', target: agreedCallTarget(leaky) },
    {
      what: 'a range is not looked at',
      target: wildCallTarget(
        altered(kernel, { crc32c: (_, position) => new Uint8Array(position).length }),
        newKernel(16 << 20),
      ),
    },
    {
      what: 'an export fails otherwise than by a trap',
      target: wildExportTarget({ ...exports, memory: exports.memory, crc32c: () => BigInt(0.5) as never }),
    },
  ]
}

function inFiles(): Planted[] {
  const kernel = newKernel(16 << 20)
  const believing = (bytes: Uint8Array, at: number) => ({ crc32cOf: () => viewOf(bytes).getUint32(at) })
  return [
    {
      what: 'the version of an aborted transaction is not looked at',
      target: abortedTarget((view, at, path) => {
        const copy = new DataView(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))
        copy.setInt16(at, 0)
        return readAborted(copy, at, path)
      }),
    },
    {
      what: 'the checksum of a producer snapshot is not looked at',
      target: snapshotTarget(kernel, (_, bytes, path) => decodeProducerSnapshot(believing(bytes, 2), bytes, path)),
    },
    {
      what: 'the last line of leader epochs needs no end',
      target: leaderEpochTarget((bytes, path) =>
        parseLeaderEpochs(bytes.at(-1) === 10 ? bytes : Uint8Array.of(...bytes, 10), path),
      ),
    },
    {
      what: 'metadata may have blanks at its end',
      target: metadataTarget((bytes, path) =>
        parsePartitionMetadata(new TextEncoder().encode(Buffer.from(bytes).toString().trim()), path),
      ),
    },
    {
      what: 'the checksum of a journal header is not looked at',
      target: journalHeaderTarget(kernel, (bytes, _, file, position) => {
        const kernelOf = bytes.length < 52 ? kernel : altered(kernel, believing(bytes, 48))
        return decodeHeader(bytes, kernelOf, file, position)
      }),
    },
    {
      what: 'positions in frames have 16 bits',
      target: frameTarget(kernel, {
        readFrameHeader,
        readEntries: (...read) =>
          readEntries(...read).map((entry) =>
            'position' in entry ? { ...entry, position: entry.position & 0xffff } : entry,
          ),
      }),
    },
    {
      what: 'offsets in checkpoints have 32 bits',
      target: checkpointTarget(kernel, (bytes, of, file) => {
        const record = decodeCheckpointFile(bytes, of, file)
        return (
          record && {
            ...record,
            partitions: record.partitions.map((each) => ({ ...each, nextOffset: each.nextOffset >>> 0 })),
          }
        )
      }),
    },
  ]
}

function inTables(): Planted[] {
  return [
    {
      what: 'a catalogue entry is read with a partition less',
      target: tableTarget({
        ...catalogueTable,
        decode: (record, place) => {
          const entry = catalogueTable.decode(record, place)
          return entry?.kind === 'partitions-added' ? { ...entry, partitions: entry.partitions - 1 } : entry
        },
      }),
    },
    {
      what: 'a committed offset has 32 bits',
      target: tableTarget({
        ...groupTable,
        encode: (entry) =>
          groupTable.encode(
            entry.kind === 'offset-committed'
              ? { ...entry, offset: { ...entry.offset, nextOffset: entry.offset.nextOffset | 0 } }
              : entry,
          ),
      }),
    },
    {
      what: 'a transaction loses its former producer id',
      target: tableTarget({
        ...transactionTable,
        encode: (entry) =>
          transactionTable.encode('previousProducerId' in entry ? { ...entry, previousProducerId: -1 } : entry),
      }),
    },
    {
      what: 'deliveries of a share group are counted in a byte',
      target: tableTarget({
        ...shareTable,
        encode: ({ state, ...place }) => {
          const batches = state?.batches.map((each) => ({ ...each, deliveryCount: each.deliveryCount & 0xff })) ?? []
          return shareTable.encode({ ...place, state: state && { ...state, batches } })
        },
      }),
    },
  ]
}

function inCodecs(): Planted[] {
  const lenient = (type: CompressionType): CompressionCodec => {
    const codec = codecOf(nodeCodecs, type)
    return {
      compress: (bytes) => codec.compress(bytes),
      decompress(bytes, maxBytes) {
        try {
          return codec.decompress(bytes, maxBytes)
        } catch {
          return new Uint8Array(type === 'zstd' ? maxBytes + 1 : 3)
        }
      },
    }
  }
  return [
    { what: 'broken snappy comes out as three zeros', target: snappyTarget(lenient('snappy')) },
    { what: 'broken lz4 comes out as three zeros', target: lz4Target(lenient('lz4')) },
    { what: 'broken gzip comes out as three zeros', target: gzipTarget(lenient('gzip')) },
    { what: 'more comes out of zstd than was asked for', target: zstdTarget(lenient('zstd')) },
  ]
}

function inCalls(): Planted[] {
  class ForgetfulLink extends Link {
    override fetch(...given: Parameters<Link['fetch']>): ReturnType<Link['fetch']> {
      return super.fetch(...given).catch(() => {
        throw new TypeError('nobody made an error of it')
      })
    }
  }
  return [
    { what: 'undefined is read as null', target: valueTarget((reader, depth) => readValue(reader, depth) ?? null) },
    {
      what: 'records lose their headers',
      target: recordTarget((reader) => {
        const records = readRecords(reader)
        return Array.isArray(records) ? records.map((record) => ({ ...record, headers: undefined })) : records
      }),
    },
    {
      what: 'a fetched partition loses its end',
      target: fetchedTarget((reader) => readFetched(reader).map((part) => ({ ...part, endOffset: part.nextOffset }))),
    },
    {
      what: 'an error loses its place',
      target: errorTarget((reader) => {
        const { code, message } = readError(reader)
        return Object.assign(new Error(message), { code }) as never
      }),
    },
    {
      what: 'a length is believed before its bytes are seen',
      target: msgpackTarget({ ...msgpack(), decode: (bytes) => new Array(viewOf(bytes).getUint8(0) * 1000) }),
    },
    {
      what: 'a holder answers twice',
      target: requestTarget((channel, holder) => {
        const send: Channel['send'] = (message) => {
          channel.send(message)
          channel.send(message)
        }
        serveChannel(altered(channel, { send }), holder)
      }),
    },
    {
      what: 'empty messages are lost',
      target: socketTarget((channel, into) => {
        const start: typeof channel.start = (onMessage, onEnd) =>
          channel.start((message, release) => message.length > 0 && onMessage(message, release), onEnd)
        receive(altered(channel, { start }), into)
      }),
    },
    { what: 'a call fails without a code', target: answerTarget((hooks) => new ForgetfulLink(hooks)) },
  ]
}

function inCommands(): Planted[] {
  return [
    {
      what: 'the last line is lost where it has no end',
      target: inputTarget(async function* (source, how, signal) {
        let before: Awaited<ReturnType<typeof all>> = []
        const all = async () => {
          const found = []
          for await (const lines of readLines(source, how, signal)) found.push(...lines)
          return found
        }
        before = await all()
        yield before.slice(0, -1)
      }),
    },
    { what: 'a count may have blanks around it', target: argumentTarget((text) => Number(text.trim()) || 0) },
  ]
}

async function inDirectories(fixtures: readonly Fixture[]): Promise<Planted[]> {
  const target = await directoryTarget(fixtures, async (image) => ({ ...(await observe(image)), told: [] }))
  return [{ what: 'damage is passed over in silence', target }]
}
