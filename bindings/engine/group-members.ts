import type { JoinedGroup } from '../broker/consumer-session.ts'
import type { TopicLookup } from '../coordinator/group/commit-request.ts'
import type { Groups } from '../coordinator/group/groups.ts'
import type { GroupNotice } from '../coordinator/group/live-group.ts'
import type { TableRecord } from '../log/catalogue/table-record.ts'
import { LogError } from '../model/errors.ts'
import type { TopicPartition } from '../model/positions.ts'
import type { Callback, CommandOf } from './commands.ts'

export interface GroupHooks {
  /**
   * Makes records durable in their order, then calls back; at once without records. After a crash only the first of
   * them may be there.
   */
  change(records: readonly TableRecord[], done: Callback<void>): void
  topicOf: TopicLookup
  now(): number
}

type Answer = JoinedGroup | readonly TopicPartition[]

/**
 * Serves the commands of groups: keeps the members that wait for the answer to a join or sync, and how to tell each of
 * a rebalance.
 */
export class GroupMembers {
  readonly #groups: Groups
  readonly #hooks: GroupHooks
  /** By member: a member waits for one answer at a time. */
  readonly #waiting: Map<string, Callback<Answer>> = new Map()
  readonly #rebalanced: Map<string, () => void> = new Map()
  /** Called once no member holds a partition any more. */
  #releasing: Callback<void> | undefined

  constructor(groups: Groups, hooks: GroupHooks) {
    this.#groups = groups
    this.#hooks = hooks
  }

  join({ request, rebalance, done }: CommandOf<'joinGroup'>, now: number): void {
    const key = keyOf(request)
    this.#groups.join({ ...request, clientId: 'oncelog', now })
    this.#rebalanced.set(key, rebalance)
    this.#wait(key, done as Callback<Answer>)
    this.tell()
  }

  sync({ request, done }: CommandOf<'syncGroup'>, now: number): void {
    const records = this.#groups.planSync({ ...request, now })
    this.#wait(keyOf(request), done as Callback<Answer>)
    if (records.length > 0) this.#hooks.change(records, () => this.tell())
    this.tell()
  }

  leave({ groupId, memberId, done }: CommandOf<'leaveGroup'>, now: number): void {
    const records = this.#groups.planLeave(groupId, memberId, now)
    this.#rebalanced.delete(keyOf({ groupId, memberId }))
    this.#hooks.change(records, done)
    this.tell()
  }

  commit({ request, done }: CommandOf<'commitOffsets'>, now: number): void {
    const { groupId, memberId, generation, offsets } = request
    const commit = { groupId, memberId, generation, offsets, now }
    this.#hooks.change(this.#groups.planCommit(commit, this.#hooks.topicOf), done)
  }

  setOffsets({ groupId, offsets, done }: CommandOf<'setOffsets'>, now: number): void {
    this.#hooks.change(this.#groups.planSetOffsets({ groupId, offsets, now }, this.#hooks.topicOf), done)
  }

  delete({ groupId, done }: CommandOf<'deleteGroup'>, now: number): void {
    this.#hooks.change(this.#groups.planDelete(groupId, now), done)
  }

  release({ done }: CommandOf<'releaseGroups'>, now: number): void {
    const records = this.#groups.planRelease(now)
    this.#hooks.change(records, () => this.tell())
    this.#releasing = done
    this.tell()
  }

  topicChanged(name: string, now: number): void {
    this.#groups.live.topicsChanged([name], now)
    this.tell()
  }

  /** Members that took too long between two polls, or over a rebalance, leave their group. */
  tick(now: number): void {
    for (const { groupId, memberId } of this.#groups.live.expired(now)) {
      const key = keyOf({ groupId, memberId })
      this.#hooks.change(this.#groups.planLeave(groupId, memberId, now), () => {})
      this.#rebalanced.get(key)?.()
      this.#rebalanced.delete(key)
    }
    this.tell()
  }

  fail(error: LogError): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#rebalanced.clear()
    for (const done of waiting) done(error)
    this.#releasing?.(error)
    this.#releasing = undefined
  }

  #wait(key: string, done: Callback<Answer>): void {
    this.#answer(key, new LogError('REBALANCE_IN_PROGRESS', 'the member asked again'))
    this.#waiting.set(key, done)
  }

  #answer(key: string, error: LogError | undefined, answer?: Answer): void {
    const done = this.#waiting.get(key)
    this.#waiting.delete(key)
    done?.(error, answer)
  }

  tell(): void {
    for (const notice of this.#groups.live.takeNotices(this.#hooks.now())) this.#deliver(notice)
    if (!this.#groups.live.isReleased) return
    this.#releasing?.(undefined)
    this.#releasing = undefined
  }

  #deliver(notice: GroupNotice): void {
    const key = keyOf(notice)
    switch (notice.kind) {
      case 'joined': {
        const { generation, assignor, members } = notice
        return this.#answer(key, undefined, { generation, assignor, members })
      }
      case 'synced':
        return this.#answer(key, undefined, notice.partitions)
      case 'refused':
        return this.#answer(key, notice.error)
      case 'rebalance':
        return this.#rebalanced.get(key)?.()
    }
  }
}

function keyOf({ groupId, memberId }: { groupId: string; memberId: string }): string {
  return JSON.stringify([groupId, memberId])
}
