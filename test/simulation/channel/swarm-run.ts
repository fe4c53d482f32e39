import { recoveryMarks } from '../../../bindings/log/recovery-marks.ts'
import { neededEvents } from './needed-events.ts'
import { type Kind, type Plan, swarmPlan } from './plan.ts'
import { type Outcome, simulate } from './run.ts'

/** A run of the swarm that somebody wants. */
export interface SwarmJob {
  readonly seed: number
  /** Only these of its events. */
  readonly kept?: readonly number[] | undefined
}

/** What is told of it. */
export interface SwarmRun {
  readonly seed: number
  readonly kind: Kind
  readonly outcome: Outcome
  /** Branches of recovery that it took, and how often. */
  readonly recovered: ReadonlyMap<string, number>
  readonly cpuMs: number
  /** If something is wrong: the events without which nothing is. */
  readonly needed?: readonly number[]
}

export async function swarmRun({ seed, kept }: SwarmJob): Promise<SwarmRun> {
  const drawn = swarmPlan(seed)
  const plan: Plan = kept === undefined ? drawn : { ...drawn, events: kept.flatMap((at) => drawn.events[at] ?? []) }
  recoveryMarks.counts.clear()
  const before = process.cpuUsage()
  const outcome = await simulate(plan)
  const { user, system } = process.cpuUsage(before)
  const facts = { seed, kind: plan.kind, outcome, cpuMs: (user + system) / 1000 }
  const told = { ...facts, recovered: new Map(recoveryMarks.counts) }
  return outcome.wrong.length === 0 ? told : { ...told, needed: kept ?? (await neededEvents(plan)) }
}
