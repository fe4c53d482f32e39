import { type Stats, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { createKernel } from '../../../kernel/create-kernel.ts'
import type { Kernel } from '../../../kernel/kernel.ts'
import { loadKernelModule } from '../../../kernel/load-kernel.ts'
import { LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA } from '../../../log/files/file-names.ts'
import { parseLeaderEpochs } from '../../../log/files/leader-epoch-checkpoint.ts'
import { parsePartitionMetadata } from '../../../log/files/partition-metadata.ts'
import { storageError } from '../../../storage/drivers/node-fs/errors.ts'
import type { StoreFile } from '../../../storage/file-store.ts'
import type { Damage } from '../../../storage/recovery-report.ts'
import { DirectoryImage } from '../../embedded/directory-image.ts'
import { nodePort } from '../../embedded/node-port.ts'
import { LogError } from '../../node.ts'
import { below } from '../help.ts'
import { bytesOf } from '../inspect/bytes.ts'
import { directoryRows } from '../inspect/directory-rows.ts'
import { checkpointRows, frameRows, headerRows } from '../inspect/journal-rows.ts'
import {
  batchRows,
  indexRows,
  recordRows,
  snapshotRows,
  timeIndexRows,
  transactionIndexRows,
} from '../inspect/segment-rows.ts'
import { type Row, tellDamage } from '../output.ts'
import { printEach } from '../print-each.ts'
import { run } from '../run.ts'

const MEMORY_BYTES = 256 * 1024 * 1024

export function addInspect(program: Command): void {
  program
    .command('inspect <path>')
    .description("show what a file of the log's directory holds")
    .option('--contents', 'records of a .log instead of its batches, entries of a .ring instead of its frames')
    .addHelpText(
      'after',
      below(`
Writes nothing, and works while a program has the log open. Exits with 1 if something isn't whole. Reads .log, .index,
.timeindex, .txnindex, .snapshot, leader-epoch-checkpoint, partition.metadata, checkpoint/N, journal/header,
journal/restated and journal/N.ring; for a directory it lists the files. Keys and values that aren't UTF-8 come as
{"base64": "…"}.

Examples:
  oncelog inspect data
  oncelog inspect data/payments-0/00000000000000000000.log
  oncelog inspect data/journal/00000000.ring --contents --json`),
    )
    .action(
      run(async ({ isJson, options, args: [path = ''], signal }) => {
        const stats = statsOf(path)
        if (stats === undefined) throw unknown(path, `there is no file or directory ${JSON.stringify(path)}`)
        await nodePort.ready?.()
        const rows = stats.isDirectory() ? directoryRows(path) : rowsIn(path, options['contents'] === true)
        const faults: Partial<Damage>[] = []
        await printEach(noting(faults, rows, path), { isJson, signal, none: 'no entries' })
        tellDamage(faults, isJson)
      }),
    )
}

/** `undefined` if it is missing. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw storageError('open', basename(path), dirname(resolve(path)), error)
  }
}

/** The same rows; where one has a fault, that is noted. */
function* noting(faults: Partial<Damage>[], rows: Iterable<Row>, file: string): Generator<Row> {
  for (const row of rows) {
    const { at, position, fault } = row
    if (fault !== undefined && fault !== '')
      faults.push({ file, position: Number(at ?? position), code: String(fault) })
    yield row
  }
}

function* rowsIn(path: string, withContents: boolean): Generator<Row> {
  const kernel = createKernel(loadKernelModule(), { capBytes: MEMORY_BYTES, codecs: nodePort.codecs })
  // Its folder is needed, because the journal's header tells how to read its frames.
  const folder = basename(dirname(resolve(path)))
  const store = new DirectoryImage(dirname(dirname(resolve(path))))
  const open = (name: string): StoreFile => {
    const file = store.open(`${folder}/${name}`, { create: false })
    if (file === undefined) throw unknown(path, `there is no ${name} beside ${path}`)
    return file
  }
  try {
    yield* rowsOf(open, basename(path), { kernel, path, withContents })
  } finally {
    store.close()
  }
}

interface How {
  readonly kernel: Kernel
  readonly path: string
  readonly withContents: boolean
}

function rowsOf(open: (name: string) => StoreFile, name: string, { kernel, path, withContents }: How): Iterable<Row> {
  const file = open(name)
  if (name.endsWith('.log')) return withContents ? recordRows(file, kernel) : batchRows(file, kernel)
  if (name.endsWith('.index')) return indexRows(file)
  if (name.endsWith('.timeindex')) return timeIndexRows(file)
  if (name.endsWith('.txnindex')) return transactionIndexRows(file)
  if (name.endsWith('.snapshot')) return snapshotRows(file, kernel)
  if (name === LEADER_EPOCH_CHECKPOINT) return parseLeaderEpochs(bytesOf(file), path).map((each) => ({ ...each }))
  if (name === PARTITION_METADATA) return [{ topicId: parsePartitionMetadata(bytesOf(file), path) }]
  if (name.endsWith('.ring') || name === 'restated') return frameRows(file, open('header'), kernel, withContents)
  if (name === 'header') return headerRows(file, kernel)
  if (/^\d+$/.test(name)) return checkpointRows(file, kernel, path)
  throw unknown(path, `${path} is no file that oncelog knows`)
}

function unknown(path: string, message: string): LogError {
  return new LogError('INVALID_REQUEST', message, { file: path })
}
