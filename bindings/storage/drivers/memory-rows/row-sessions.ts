import { LogError } from '../../../model/errors.ts'
import type { PartitionIdentity } from '../../partition-identity.ts'
import { failure } from './row-failure.ts'
import type { PartitionRows, RowDatabase } from './rows.ts'

/** What this opening knows of a partition and the database doesn't. */
export interface RowSession {
  isActive: boolean
  /** Rows below it existed at the open: like rows on a disk they are read only after `prepareRead`. */
  coldBelow: number
  decisionsInFlight: number
}

/** The partitions of one opening. */
export class RowSessions {
  readonly #database: RowDatabase
  readonly #sessions: Map<PartitionRows, RowSession> = new Map()

  constructor(database: RowDatabase) {
    this.#database = database
  }

  of(partition: PartitionRows): RowSession {
    let session = this.#sessions.get(partition)
    if (session === undefined) {
      session = { isActive: false, coldBelow: partition.nextOffset, decisionsInFlight: 0 }
      this.#sessions.set(partition, session)
    }
    return session
  }

  /** UNKNOWN_TOPIC_OR_PARTITION without it. */
  known(id: PartitionIdentity): PartitionRows {
    const found = this.#database.find(id)
    if (found !== undefined) return found
    const { topic, partition } = id
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `${topic}-${partition} has no rows`, { topic, partition })
  }

  active(id: PartitionIdentity, operation: string): { partition: PartitionRows; session: RowSession } {
    const partition = this.known(id)
    const session = this.of(partition)
    if (!session.isActive) throw failure(id, operation, 'it is not active')
    return { partition, session }
  }

  forget(partition: PartitionRows): void {
    this.#sessions.delete(partition)
  }

  clear(): void {
    this.#sessions.clear()
  }
}
