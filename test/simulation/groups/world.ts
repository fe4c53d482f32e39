import { LogError } from '../../../bindings/model/errors.ts'
import type { VirtualTime } from '../../../bindings/testkit/simulation/channel/virtual-time.ts'
import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import type { SimulatedProcess } from '../channel/process.ts'
import type { Ledger, MemberFacts } from './ledger.ts'
import type { Feature, GroupPlan } from './plan.ts'

/** What all programs of one run share. */
export interface GroupWorld {
  readonly plan: GroupPlan
  readonly random: Random
  readonly time: VirtualTime
  readonly ledger: Ledger
  /** `calm`: nothing goes wrong any more, and all that is there is to be worked off; `ending`: programs end. */
  phase: 'wild' | 'calm' | 'ending'
  /** Numbers that are given once. */
  number(): number
  trace(what: string): void
  /** A member of the same group as this one closes. */
  closeAnother(than: MemberFacts): void
}

/** It may happen in this run, and now it does. */
export function happens(world: GroupWorld, feature: Feature, chance: number): boolean {
  return world.phase === 'wild' && world.plan.features.has(feature) && world.random.chance(chance)
}

export function sleep(world: GroupWorld, delayMs: number): Promise<void> {
  return new Promise((resolve) => world.time.after(delayMs, resolve))
}

/** What a program throws on purpose. */
export class OnPurpose extends Error {
  override readonly name = 'OnPurpose'
}

/** The code of an error of the log; what is none is told as it is. */
export function codeOf(error: unknown): string {
  return LogError.is(error) ? error.code : String(error)
}

/** Between processes answers get lost: what one hears then says little. */
export function isStormy({ features }: GroupPlan): boolean {
  return features.has('connections cut') || features.has('processes killed')
}

/** Runs beside a program; what becomes of it shows elsewhere. */
export function beside(process: SimulatedProcess, work: Promise<unknown>): void {
  process.whileAlive(work).catch(() => {})
}
