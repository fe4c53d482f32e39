import { type Feature, type GroupPlan, groupPlan } from './plan.ts'
import type { PlantedFault } from './planted.ts'

export interface GroupFault extends PlantedFault {
  /** What it takes to show. */
  readonly features: readonly Feature[]
  readonly more?: Partial<GroupPlan>
}

const membership = 'client/consumer/membership.ts'
const assignment = 'client/consumer/assignment.ts'

/** Each is a guard that somebody could forget, and that no other one stands in for. */
export const GROUP_FAULTS: readonly GroupFault[] = [
  {
    name: 'an outcome stays when the group is told anew what the member holds',
    file: 'client/consumer/rebalances.ts',
    find: '    this.#next = undefined\n    return this.#reported.report(',
    put: '    return this.#reported.report(',
    features: ['slow handlers', 'closes', 'storm'],
    more: { members: 8, topics: [6], processes: 2 },
  },
  {
    name: 'what is on its way into force is claimed by nobody',
    file: assignment,
    find: 'return [...this.#partitions.map(place), ...this.#added.filter((each) => this.at(each) === undefined).map(place)]',
    put: 'return this.#partitions.map(place)',
    features: ['slow handlers', 'closes', 'transactions'],
  },
  {
    name: 'the leader gives what another member holds',
    file: 'client/consumer/lead.ts',
    find: '(holders.get(placeKey(place)) ?? memberId) === memberId',
    put: 'holders.size >= 0 || memberId === place.topic',
    features: ['closes'],
  },
  {
    name: 'who gave something up joins no more',
    file: 'client/consumer/reported-partitions.ts',
    find: 'this.#reported.some((each) => assignment.at(each) === undefined)',
    put: 'this.#reported.length < 0',
    features: ['closes'],
  },
  {
    name: 'whoever was put out may commit',
    file: 'coordinator/group/groups.ts',
    find: '    this.checkMember(request.groupId, request.memberId, request.generation)\n    return',
    put: '    return',
    features: ['bodies hang', 'closes'],
  },
  {
    name: 'a close waits for no handler that is being told',
    file: membership,
    find: '      await this.#handlersTold()\n',
    put: '',
    features: ['closes', 'slow handlers', 'commits in revoked'],
  },
  {
    name: 'handlers of what is given up are told afterwards',
    file: assignment,
    find: "      if (revoked.length > 0) await this.#callHandlers('revoked', revoked)\n      const kept = this.#partitions.filter(stays)\n      this.#setPartitions(kept)\n",
    put: "      const kept = this.#partitions.filter(stays)\n      this.#setPartitions(kept)\n      if (revoked.length > 0) await this.#callHandlers('revoked', revoked)\n",
    features: ['closes', 'commits in revoked'],
  },
  {
    name: 'after an abort the consumer goes on',
    file: 'client/consumer/assigned-partition.ts',
    find: '    this.#goTo(this.#restart)\n',
    put: '',
    features: ['transactions'],
  },
  {
    name: 'a start is found though a transaction may change it',
    file: 'client/consumer/assigned-start.ts',
    find: 'session.committed(partitions, { requireStable: true })',
    put: 'session.committed(partitions, { requireStable: false })',
    features: ['transactions', 'bodies hang', 'closes'],
  },
  {
    name: 'what its programs have stored is asked by nobody',
    file: 'client/consumer/assigned-start.ts',
    find: 'if (positions === undefined) {',
    put: 'if (positions === undefined || partitions.length > 0) {',
    features: ['closes'],
    more: { begins: ['positions'] },
  },
  {
    name: 'whoever wants what comes gets what was there',
    file: 'client/consumer/assigned-start.ts',
    find: 'startPositions(this.#broker.admin, at, autoOffsetReset, isolationLevel)',
    put: "startPositions(this.#broker.admin, at, 'earliest', isolationLevel)",
    features: ['closes'],
    more: { begins: ['latest'] },
  },
  {
    name: 'a topic that got partitions is shared as before',
    file: 'coordinator/group/live-groups.ts',
    find: '      group.changed(now)\n',
    put: '',
    features: ['partitions added'],
  },
  {
    name: 'a member whose program works on what it fetched ahead polls no more',
    file: 'client/consumer/consumer-run.ts',
    find: 'this.#membership.isUnsettled || this.#membership.isPollDue',
    put: 'this.#membership.isUnsettled',
    features: ['single records'],
    more: { workMsMax: 60, maxPollIntervalMs: 600, wildMs: 1500 },
  },
  {
    name: 'the answer to a fetch that was woken counts the time of a member that waits in its next one',
    file: 'engine/sessions/consumer-session.ts',
    find: 'if (--this.#fetches === 0) groups',
    put: 'this.#fetches--\n      groups',
    features: ['pauses'],
    more: { processes: 2 },
  },
]

/** Of a seed, with what the fault needs and little else. */
export function planFor(fault: GroupFault, seed: number): GroupPlan {
  return {
    ...groupPlan(seed),
    members: 5,
    topics: [4],
    wildMs: 600,
    sendMsMax: 20,
    assignors: ['range'],
    begins: ['earliest'],
    features: new Set(fault.features),
    processes: 1,
    ...fault.more,
  }
}
