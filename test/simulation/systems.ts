import type { SystemUnderTest } from '../../bindings/testkit/simulation/crash/system-under-test.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { TOY_FAULTS } from './toy-entries.ts'
import { toySystem } from './toy-log.ts'

/** Systems by the name that a failure's command has. */
export function systemNamed(name: string): SystemUnderTest {
  const [kind, fault] = name.split(':')
  const known = TOY_FAULTS.find((each) => each === fault)
  if (name === engineSystem.name) return engineSystem
  if (kind === 'toy' && fault === undefined) return toySystem()
  if (kind === 'toy' && known !== undefined) return toySystem(known)
  throw new Error(`no system is called ${name}`)
}
