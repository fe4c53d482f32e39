import { LogError } from '../../model/errors.ts'
import { POLL_INTERVAL_MS_MAX } from '../../model/limits.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { assertGroupId } from '../group-id.ts'

export interface JoinRequest {
  readonly groupId: string
  /** Unique in the log; the caller makes it, in Kafka's form: client id, '-', uuid. */
  readonly memberId: string
  /** Whether it was a member before. If the group doesn't have it any more, it must begin anew. */
  readonly rejoins: boolean
  readonly clientId: string
  readonly topics: readonly string[]
  /** The partitions that it holds and goes on reading until it is told otherwise (KIP-429). */
  readonly owned: readonly TopicPartition[]
  /** Names of the assignors that it knows, preferred ones first. The group uses one that all its members know. */
  readonly assignors: readonly string[]
  readonly maxPollIntervalMs: number
  readonly now: number
}

export function assertJoin({ groupId, maxPollIntervalMs }: JoinRequest): void {
  assertGroupId(groupId)
  if (Number.isInteger(maxPollIntervalMs) && maxPollIntervalMs >= 1 && maxPollIntervalMs <= POLL_INTERVAL_MS_MAX) return
  throw new LogError('INVALID_REQUEST', `maxPollIntervalMs must be a whole number from 1 to ${POLL_INTERVAL_MS_MAX}`, {
    groupId,
    maxPollIntervalMs,
  })
}
