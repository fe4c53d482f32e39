import { type DiskError, withDiskError } from '../../bindings/testkit/simulation/crash/disk-errors.ts'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import type { Failure, Scenario } from '../../bindings/testkit/simulation/crash/exploration.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import type { Fault, FaultableKind, FaultEffect } from '../../bindings/testkit/simulation/faults.ts'

/** What goes wrong, operation by operation. */
const KINDS: readonly (readonly [FaultableKind, FaultEffect])[] = [
  ['write', 'error'],
  ['write', 'short'],
  ['write', 'lying'],
  ['flush', 'error'],
  ['flush', 'lying'],
  ['flush', 'drops-shows-new'],
  ['flush', 'drops-shows-old'],
  ['syncDirectory', 'error'],
  ['truncate', 'error'],
  ['remove', 'error'],
  ['open', 'error'],
  ['read', 'error'],
]
const ENDS = ['kill', 'none', 'mixed'] as const
/** A disk is full at each of so many bytes, until it never is. */
const FULL_STEP_BYTES = 701

export interface DiskErrorRuns {
  runs: number
  struck: number
  readonly failures: { readonly error: DiskError; readonly failure: Failure }[]
}

/**
 * A scenario, and a recovery after it, with one fault of each kind at its `step`-th, 2·`step`-th, ... operation, once
 * and from then on, until the fault comes too late to strike. None for a scenario with faults of its own.
 */
export function tryDiskErrors(scenario: Scenario, seed: number, step: number): DiskErrorRuns {
  const total: DiskErrorRuns = { runs: 0, struck: 0, failures: [] }
  if (scenario.failsDisk === true) return total
  for (const during of ['life', 'recovery'] as const) {
    for (const [kind, effect] of KINDS) {
      for (const isSticky of [false, true]) {
        const faultAt = (at: number): Fault => ({
          kind,
          effect,
          at,
          isSticky,
          partBy: at % 2 === 0 ? seed + at : undefined,
        })
        tryUntilTooLate(total, scenario, seed, during, (count) => faultAt(1 + (seed % step) + (count - 1) * step))
      }
    }
    tryUntilTooLate(total, scenario, seed, during, (count) => ({ freeBytes: (count - 1) * FULL_STEP_BYTES * step }))
    tryUntilTooLate(total, scenario, seed, during, (count) => ({ freeFiles: (count - 1) * step }))
  }
  return total
}

/** A scenario with one flush that fails so, each in turn, with nothing written and with a part. */
export function tryEachFlush(scenario: Scenario, seed: number, effect: FaultEffect): DiskErrorRuns {
  const total: DiskErrorRuns = { runs: 0, struck: 0, failures: [] }
  tryUntilTooLate(total, scenario, seed, 'life', (at) => ({ kind: 'flush', effect, at }))
  tryUntilTooLate(total, scenario, seed, 'life', (at) => ({ kind: 'flush', effect, at, partBy: seed + at }))
  return total
}

function tryUntilTooLate(
  total: DiskErrorRuns,
  scenario: Scenario,
  seed: number,
  during: DiskError['during'],
  fault: (count: number) => DiskError['fault'],
): void {
  for (let count = 1; ; count++) {
    const end = ENDS[(count + seed) % ENDS.length] ?? 'kill'
    const error = { fault: fault(count), during, end }
    const failing = withDiskError(scenario, error)
    // On a disk that lies the monitor only finds that it lies.
    const ignoreMonitor = 'effect' in error.fault && error.fault.effect === 'lying'
    const found = new Enumerator(engineSystem, failing.scenario, { seed, pointChance: 0, ignoreMonitor }).explore()
    total.runs++
    for (const failure of found.failures) total.failures.push({ error, failure })
    if (!failing.struck()) return
    total.struck++
  }
}

export function describeDiskError({ error, failure }: DiskErrorRuns['failures'][number]): string {
  const violations = failure.violations.map((text) => text.split('\n')[0]?.slice(0, 200))
  return `${failure.scenario}, seed ${failure.seed}, ${JSON.stringify(error)}: ${violations.slice(0, 3).join('; ')}`
}
