import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import type { LogError } from '../../bindings/model/errors.ts'

/** On a disk: its directories are the subject of these tests. Removed when the tests are over. */
export const scratch: string = mkdtempSync(join(tmpdir(), 'storage-'))
test.after(() => rmSync(scratch, { recursive: true }))

let places = 0

/** A path in it where nothing is yet. */
export function freshPlace(): string {
  places += 1
  return join(scratch, String(places))
}

/** What `act` throws or rejects with. */
export async function refusal(act: () => unknown): Promise<LogError> {
  try {
    await act()
  } catch (error) {
    return error as LogError
  }
  throw new Error('it was not refused')
}
