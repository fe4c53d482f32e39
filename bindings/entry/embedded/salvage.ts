import type { RuntimePort } from '../../broker/runtime-port.ts'
import { assertOptions, type OptionNames } from '../../client/options.ts'
import { type Abortable, signalOf, throwIfAborted } from '../../client/signals.ts'
import { type SalvageProgress, type SalvageReport, salvageLog } from '../../log/salvage/salvage.ts'
import { LogError } from '../../model/errors.ts'
import { backupTarget } from '../../storage/drivers/node-fs/backup-target.ts'
import { lockUntouched } from '../../storage/drivers/node-fs/lock.ts'
import { assertLogDirectory } from './assert-log.ts'
import { DirectoryImage } from './directory-image.ts'
import { type FileUrl, pathOf } from './directory-path.ts'
import { RING } from './embedded-log.ts'
import { kernelFor } from './node-kernel.ts'
import { runInTurns } from './run-in-turns.ts'

export type { Loss } from '../../log/salvage/loss.ts'
export type { SalvageReport }

const MEMORY_BYTES = 256 * 1024 * 1024

/** How a damaged log is salvaged. */
export interface SalvageOptions extends Abortable {
  /** Called now and then with the bytes that were looked at or copied so far, and how many there are in all. */
  progress?: ((done: number, total: number) => void) | undefined
}

const NAMES: OptionNames<SalvageOptions> = { progress: true, signal: true }

export async function salvageDirectory(
  directory: string | FileUrl,
  target: string | FileUrl,
  port: RuntimePort,
  given: SalvageOptions,
): Promise<SalvageReport> {
  const source = pathOf(directory)
  assertOptions(given, NAMES, 'salvage')
  const signal = signalOf(given)
  const progress = progressOf(given)
  throwIfAborted(signal)
  assertLogDirectory(source)
  const { store } = backupTarget(pathOf(target), source)
  try {
    const lock = await lockUntouched(source)
    const image = new DirectoryImage(source)
    try {
      const kernel = await kernelFor(port, MEMORY_BYTES)
      const options = { ...RING, random: () => port.random() }
      const salvage = salvageLog({ source: image, target: store, kernel, options, now: port.now(), progress })
      return await runInTurns(salvage, port, signal)
    } finally {
      image.close()
      await lock.release()
    }
  } finally {
    await store.close()
  }
}

function progressOf({ progress }: SalvageOptions): SalvageProgress | undefined {
  if (progress === undefined || typeof progress === 'function') return progress
  throw new LogError('INVALID_REQUEST', 'progress must be a function', { option: 'progress' })
}
