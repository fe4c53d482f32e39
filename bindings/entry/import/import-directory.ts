import type { RuntimePort } from '../../broker/runtime-port.ts'
import { topicIdOf } from '../../log/catalogue/topic-ids.ts'
import { NewLog } from '../../log/new-log/new-log.ts'
import { backupTarget } from '../../storage/drivers/node-fs/backup-target.ts'
import { DirectoryImage } from '../embedded/directory-image.ts'
import { pathOf } from '../embedded/directory-path.ts'
import { RING } from '../embedded/embedded-log.ts'
import { kernelFor } from '../embedded/node-kernel.ts'
import { runInTurns } from '../embedded/run-in-turns.ts'
import { type ImportOptions, importKafka } from './import-kafka.ts'
import type { ImportReport } from './import-report.ts'

export interface DirectoryImport extends Omit<ImportOptions, 'now' | 'newTopicId'> {
  readonly target: string
  /** Everything is read and checked, nothing is written. */
  readonly isDry: boolean
  readonly signal: AbortSignal
}

/** Batches have at most 128 MiB, and two copies of one are needed at a time. */
const MEMORY_BYTES = 256 * 1024 * 1024
const TOPIC_ID_BYTES = 16

/**
 * Imports from one directory into another, with the clock and codecs of this runtime. INVALID_REQUEST for an empty
 * name: it would stand for the working directory.
 */
export async function importDirectory(
  { source, target, isDry, signal, ...options }: DirectoryImport,
  port: RuntimePort,
): Promise<ImportReport> {
  const kernel = await kernelFor(port, MEMORY_BYTES)
  const { store } = backupTarget(pathOf(target), pathOf(source))
  const image = new DirectoryImage(source)
  const random = () => port.random()
  const newTopicId = () => topicIdOf(Uint8Array.from({ length: TOPIC_ID_BYTES }, () => Math.floor(random() * 256)))
  const begin = isDry ? undefined : () => NewLog.begin({ store, kernel, options: { ...RING, random } })
  try {
    const task = importKafka(image, kernel, begin, { ...options, source, now: port.now(), newTopicId })
    return await runInTurns(task, port, signal)
  } finally {
    image.close()
    await store.close()
  }
}
