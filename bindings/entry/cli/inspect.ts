import { basename, dirname } from 'node:path'
import type { Command } from 'commander'
import { createKernel } from '../../kernel/create-kernel.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { loadKernelModule } from '../../kernel/load-kernel.ts'
import { decodeCheckpointFile, readWhole } from '../../log/checkpoint/checkpoint-file.ts'
import { BatchScanner } from '../../log/recovery/batch-scanner.ts'
import { createDirectoryStore } from '../../storage/drivers/node-fs.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { LogError } from '../node.ts'
import { print } from './output.ts'
import type { Run } from './run.ts'

type Row = Record<string, unknown>

export function addInspect(program: Command, run: Run): void {
  program
    .command('inspect <file>')
    .description('what a .log, .index, .timeindex or checkpoint file holds')
    .action(
      run(async ({ isJson, args: [path = ''] }) => {
        const kernel = createKernel(loadKernelModule(), { capBytes: 64 * 1024 * 1024 })
        const store = createDirectoryStore(dirname(path))
        const file = await store.open(basename(path), { create: false })
        if (file === undefined) throw new LogError('INVALID_REQUEST', `there is no file ${path}`, { file: path })
        try {
          print(rowsOf(file, path, kernel), isJson)
        } finally {
          file.close()
          await store.close()
        }
      }),
    )
}

function rowsOf(file: StoreFile, path: string, kernel: Kernel): Row[] {
  if (path.endsWith('.log')) return batches(file, kernel)
  if (path.endsWith('.timeindex'))
    return entries(file, 12, (view, at) => ({
      timestamp: Number(view.getBigInt64(at)),
      relativeOffset: view.getInt32(at + 8),
    }))
  if (path.endsWith('.index'))
    return entries(file, 8, (view, at) => ({ relativeOffset: view.getInt32(at), position: view.getInt32(at + 4) }))
  const checkpoint = decodeCheckpointFile(readWhole(file), kernel, path)
  if (checkpoint === undefined)
    throw new LogError('INVALID_REQUEST', `${path} is no file that oncelog knows`, { file: path })
  return checkpoint.partitions.map(
    ({ topicId, partition, logStartOffset, nextOffset, ceiling, segments, producers }) => ({
      topicId,
      partition,
      logStartOffset,
      nextOffset,
      ceiling,
      segments: segments.length,
      producers: producers.length,
    }),
  )
}

function batches(file: StoreFile, kernel: Kernel): Row[] {
  const scanner = new BatchScanner(kernel)
  const rows: Row[] = []
  const sizeBytes = file.size()
  for (let position = 0; position < sizeBytes; ) {
    const batch = scanner.inFile(file, position, sizeBytes)
    if (typeof batch === 'string') {
      rows.push({
        position,
        baseOffset: batch,
        lastOffset: '',
        records: '',
        sizeBytes: sizeBytes - position,
        producerId: '',
        epoch: '',
        sequence: '',
        maxTimestamp: '',
        leaderEpoch: '',
      })
      break
    }
    const { header } = batch
    rows.push({
      position,
      baseOffset: header.baseOffset,
      lastOffset: batch.nextOffset - 1,
      records: header.recordCount,
      sizeBytes: header.sizeBytes,
      producerId: header.producerId,
      epoch: header.producerEpoch,
      sequence: header.baseSequence,
      maxTimestamp: header.maxTimestamp,
      leaderEpoch: header.partitionLeaderEpoch,
    })
    position += header.sizeBytes
  }
  scanner.close()
  return rows
}

function entries(file: StoreFile, width: number, read: (view: DataView, at: number) => Row): Row[] {
  const bytes = readWhole(file)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rows: Row[] = []
  for (let at = 0; at + width <= bytes.length; at += width) rows.push({ position: at, ...read(view, at) })
  return rows
}
