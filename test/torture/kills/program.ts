import { join } from 'node:path'
import { bundleProgram } from '../../damage/bundled.ts'
import { scratchDirectory } from '../undo.ts'

/** The victim as one file, since it is started thousands of times. */
export async function victimProgram(): Promise<string> {
  const program = join(scratchDirectory('victim').path, 'victim.mjs')
  await bundleProgram('test/torture/victim/main.ts', program)
  return program
}
