import type { Mutant } from './mutant.ts'

const producing = 'compression/producing.test.ts'

export const COMPRESSION: readonly Mutant[] = [
  {
    name: 'compressed batches are taken without a look into them',
    file: 'log/partition/partition.ts',
    find: '    if (codec !== 0) {\n      const batch',
    put: '    if (codec < 0) {\n      const batch',
    tests: [producing],
  },
  {
    name: 'what comes out of a compressed batch has no bound',
    file: 'kernel/batch-reader.ts',
    find: '        DECOMPRESSED_BYTES_MAX,\n      )',
    put: '        Math.max(DECOMPRESSED_BYTES_MAX, 1 << 30),\n      )',
    tests: [producing],
  },
  {
    name: 'a compressed send answers the time of its append',
    file: 'client/producer/partition-queue.ts',
    find: 'stampedAt === undefined || result.isLogAppendTime ? result',
    put: 'stampedAt !== -1 ? result',
    tests: [producing],
  },
  {
    name: 'batches that are to be compressed differently are joined',
    file: 'client/producer/partition-queue.ts',
    find: ' && last.compression === compression',
    put: '',
    tests: [producing],
  },
  {
    name: "the topic's compression is only the producer's default",
    file: 'client/producer/producer.ts',
    find: "compressionType === 'producer' ? chosen : compressionType",
    put: "chosen !== 'none' || compressionType === 'producer' ? chosen : compressionType",
    tests: [producing],
  },
  {
    name: "an LZ4 frame's content has any checksum",
    file: 'compression/lz4.ts',
    find: 'contentChecksum !== undefined && xxhash32(out, 0, contentBytes) !== contentChecksum',
    put: 'contentChecksum === -1',
    tests: ['compression/codecs.test.ts'],
  },
  {
    name: 'bytes after the end of gzip are overlooked',
    file: 'entry/embedded/node-codecs.ts',
    find: 'engine.bytesWritten !== bytes.length',
    put: 'engine.bytesWritten > bytes.length',
    tests: ['compression/codecs.test.ts'],
  },
  {
    name: 'compaction does not see the keys of compressed batches',
    file: 'log/compaction/batch-bytes.ts',
    find: 'const codec = type && codecs[type]',
    put: 'const codec = type && codecs[type] && undefined',
    tests: ['log/compaction/random.test.ts'],
  },
  {
    name: 'a frame of zstd that is cut in its checksum is whole',
    file: 'compression/zstd-frame.ts',
    find: 'return at + checksumBytes === bytes.length',
    put: 'return at === bytes.length || at + checksumBytes === bytes.length',
    tests: ['compression/codecs.test.ts'],
  },
  {
    name: 'a frame of zstd is whole though its last block is cut',
    file: 'compression/zstd-frame.ts',
    find: 'return at + checksumBytes === bytes.length',
    put: 'return at + checksumBytes >= bytes.length',
    tests: ['compression/codecs.test.ts'],
  },
  {
    name: 'a compressed send says its own time, though the log stamped the batch',
    file: 'client/producer/partition-queue.ts',
    find: 'stampedAt === undefined || result.isLogAppendTime ? result',
    put: 'stampedAt === undefined ? result',
    tests: ['compression/producing.test.ts'],
  },
  {
    name: 'records before a batch without codec are not given',
    file: 'log/partition/partition-reads.ts',
    find: "      if (LogError.is(error, 'UNSUPPORTED_COMPRESSION_TYPE')) return error as LogError\n",
    put: '',
    tests: ['compression/producing.test.ts'],
  },
  {
    name: 'the chunks of snappy are listed first',
    file: 'compression/snappy.ts',
    find: '  const out = new Uint8Array(total)\n',
    put:
      '  const chunks: object[] = []\n' +
      '  for (let at = FRAME_HEADER_BYTES; at < bytes.length; at = endOfChunk(view, at)) chunks.push({ at, end: at })\n' +
      '  const out = new Uint8Array(chunks.length > 0 ? total : 0)\n',
    tests: ['compression/many-blocks.test.ts'],
  },
]
