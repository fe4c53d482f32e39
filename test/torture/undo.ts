import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Something that is to be undone once, at the end of the process at the latest. */
export interface Undo {
  now(): void
  /** It stays as it is. */
  never(): void
}

const undoing: { readonly undo: () => void }[] = []

/** Synchronous, since a process that ends waits for nothing; the last one first. */
export function undoAtExit(undo: () => void): Undo {
  const entry = { undo }
  undoing.push(entry)
  const take = (): boolean => {
    const index = undoing.indexOf(entry)
    if (index >= 0) undoing.splice(index, 1)
    return index >= 0
  }
  return {
    now: () => {
      if (take()) undo()
    },
    never: () => void take(),
  }
}

function undoAll(): void {
  for (let entry = undoing.pop(); entry !== undefined; entry = undoing.pop()) {
    try {
      entry.undo()
    } catch (error) {
      console.error(`not undone: ${String(error)}`)
    }
  }
}

process.once('exit', undoAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

export interface ScratchDirectory extends Undo {
  readonly path: string
}

/** A directory of its own, gone at exit. */
export function scratchDirectory(name: string, parent: string = tmpdir()): ScratchDirectory {
  const path = mkdtempSync(join(parent, `oncelog-${name}-`))
  return { path, ...undoAtExit(() => rmSync(path, { recursive: true, force: true })) }
}
