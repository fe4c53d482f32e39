import type { Scenario } from '../../bindings/testkit/simulation/crash/exploration.ts'
import { LOG_START_SCENARIOS } from '../../bindings/testkit/simulation/crash/log-start-scenarios.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { ENGINE_FAULTS } from './engine-faults.ts'
import { ROW_FAULTS } from './row-faults.ts'
import { TRANSACTION_FAULTS } from './transaction-faults.ts'
import { LIVES } from './transaction-life.ts'

/** By rule of docs/durability.md, the tests to run first. */
export const TESTS: readonly (readonly string[])[] = [
  [],
  ['log/journal/ring.test.ts', 'salvage/swaps.test.ts', 'guarantees/1-what-a-broker-guarantees.test.ts'],
  ['storage/partition-store.test.ts', 'log/recovery/unproven.test.ts', 'simulation/extent-neighbours.test.ts'],
  ['regressions/transactions.test.ts', 'simulation/crash-points.heavy.test.ts'],
  [
    'log/store/beside-checkpoint.test.ts',
    'log/recovery/unproven.test.ts',
    'damage/bit-flips.heavy.test.ts',
    'simulation/read-only.test.ts',
    'engine/compacting.test.ts',
  ],
  ['log/recovery/recovery.test.ts', 'guarantees/1-what-a-broker-guarantees.test.ts', 'storage/partition-store.test.ts'],
  [
    'log/recovery/restated-frame.test.ts',
    'log/recovery/recovery.test.ts',
    'damage/past-the-end.test.ts',
    'log/store/derived-files.test.ts',
    'simulation/read-only.test.ts',
  ],
  [
    'log/recovery/new-directories.test.ts',
    'engine/recreated-topics.test.ts',
    'engine/offsets-of-deleted-topics.test.ts',
  ],
  ['regressions/idempotence.test.ts', 'guarantees/4-sending-exactly-once.test.ts'],
  ['engine/transactions.test.ts', 'regressions/transactions.test.ts', 'coordinator/transaction/transactions.test.ts'],
  ['log/store/failed-flush.test.ts', 'errors/every-code.test.ts', 'log/store/reserve-and-fence.test.ts'],
  ['engine/delete-records.test.ts', 'log/store/remove-segments.test.ts', 'simulation/log-starts.heavy.test.ts'],
  [
    'log/stored-files/segment-rewrite.test.ts',
    'engine/compacting.test.ts',
    'log/compaction/random.test.ts',
    'simulation/compaction.heavy.test.ts',
  ],
]

const RUNS: readonly Pick<Scenario, 'rules'>[] = [...SCENARIOS, ...LOG_START_SCENARIOS, ...Object.values(LIVES)]
const PLANTED: readonly { readonly name: string; readonly rule: number }[] = [
  ...ENGINE_FAULTS,
  ...ROW_FAULTS,
  ...TRANSACTION_FAULTS.map(({ name }) => ({ name, rule: 9 })),
]

export interface RuleRow {
  readonly rule: number
  readonly scenarios: number
  readonly planted: readonly string[]
  readonly tests: readonly string[]
}

export function ruleRow(rule: number): RuleRow {
  const planted = PLANTED.filter((fault) => fault.rule === rule).map(({ name }) => name)
  return {
    ...{ rule, tests: TESTS[rule] ?? [], planted: [...new Set(planted)] },
    scenarios: RUNS.filter(({ rules }) => rules.includes(rule)).length,
  }
}

/** As a line of the table in docs/simulation.md. */
export function lineOf({ rule, scenarios, planted, tests }: RuleRow, title: string): string {
  const files = tests.map((test) => `\`${test.replace('.test.ts', '')}\``).join(', ')
  return `| ${rule} ${title} | ${scenarios || ''} | ${planted.join('; ')} | ${files} |`
}
