import { LogError, storageFailed } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { Damage } from '../../storage/recovery-report.ts'

/**
 * What may be done with the log's files: everything; only reading, where recovery missed a frame that was acknowledged;
 * nothing, once the log is closed or has failed. It never goes back, and every later call gets the first failure: after
 * a failed flush, pages may read as written although they weren't (rule 10).
 */
export class Availability {
  #lostFrame: Damage | undefined
  #failure: LogError | undefined

  get isReadOnly(): boolean {
    return this.#lostFrame !== undefined
  }

  get hasEnded(): boolean {
    return this.#failure !== undefined
  }

  assertOpen(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  assertWritable(topic?: string, partition?: number): void {
    this.assertOpen()
    if (this.#lostFrame !== undefined) throw lostFrameError(this.#lostFrame, topic, partition)
  }

  lostFrame(damage: Damage | undefined): void {
    this.#lostFrame = damage
  }

  /** Runs the task; if it fails, the log ends. */
  *orEnd<T>(task: Task<T>): Task<T> {
    try {
      return yield* task
    } catch (error) {
      throw this.#end(error)
    }
  }

  #end(error: unknown): LogError {
    this.#failure ??= LogError.is(error, 'KAFKA_STORAGE_ERROR', 'KERNEL_POISONED') ? error : storageFailed(error)
    return this.#failure
  }

  close(): void {
    this.#failure ??= new LogError('LOG_CLOSED', 'the log is closed')
  }
}

/** The missing frame may have held data of any partition, so none is written to. */
function lostFrameError({ file, position }: Damage, topic: string | undefined, partition: number | undefined) {
  const message = `an acknowledged frame of the journal is missing (${file} at ${position}): the log is read-only`
  return new LogError('LOG_READ_ONLY', message, { topic, partition, file, position })
}
