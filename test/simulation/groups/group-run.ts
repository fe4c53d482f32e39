import { type Feature, type GroupPlan, groupPlan } from './plan.ts'
import { type GroupOutcome, simulateGroups } from './run.ts'

/** A run that somebody wants. */
export interface GroupJob {
  readonly seed: number
  /** In the place of those that the seed draws. */
  readonly features?: readonly Feature[] | undefined
}

export interface GroupRun {
  readonly seed: number
  readonly outcome: GroupOutcome
  readonly features: readonly Feature[]
}

/** Of a run that goes wrong as few features are told as it takes. */
export async function groupRun({ seed, features }: GroupJob): Promise<GroupRun> {
  const drawn = groupPlan(seed)
  const plan = features === undefined ? drawn : { ...drawn, features: new Set(features) }
  const outcome = await simulateGroups(plan)
  const isWrong = outcome.wrong.length > 0
  return {
    seed,
    outcome,
    features: isWrong && features === undefined ? await neededFeatures(plan) : [...plan.features],
  }
}

/** Each of them is left out in turn, for good where the run goes wrong without it. */
export async function neededFeatures(plan: GroupPlan): Promise<readonly Feature[]> {
  let needed: ReadonlySet<Feature> = plan.features
  for (const feature of plan.features) {
    const without = new Set([...needed].filter((each) => each !== feature))
    if ((await simulateGroups({ ...plan, features: without })).wrong.length > 0) needed = without
  }
  return [...needed]
}
