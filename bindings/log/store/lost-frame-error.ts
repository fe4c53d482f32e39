import { LogError } from '../../model/errors.ts'
import type { Damage } from '../../storage/partition-store.ts'

/** What an acknowledged frame held may have been of any partition: none is written to. */
export function lostFrameError(
  { file, position }: Damage,
  topic: string | undefined,
  partition: number | undefined,
): LogError {
  const message = `an acknowledged frame of the journal is missing (${file} at ${position}): the log is read-only`
  return new LogError('LOG_READ_ONLY', message, { topic, partition, file, position })
}
