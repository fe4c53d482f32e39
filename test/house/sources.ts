import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SourceFile {
  /** From the repository's root, with slashes. */
  readonly path: string
  readonly text: string
  readonly lineCount: number
}

/** Our own sources below `folder`: generated files, fixtures and other people's packages left out. */
export function sourcesOf(folder: string, endings: readonly string[] = ['.ts', '.mjs']): SourceFile[] {
  const found: SourceFile[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules' && entry.name !== 'fixtures') found.push(...sourcesOf(path, endings))
    } else if (endings.some((ending) => entry.name.endsWith(ending)) && entry.name !== 'kernel-bytes.ts') {
      const text = readFileSync(join(folder, entry.name), 'utf8')
      found.push({ path, text, lineCount: text.trimEnd().split('\n').length })
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

export function foldersOf(folder: string): string[] {
  const found: string[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const path = `${folder}/${entry.name}`
    if (readdirSync(path).length > 0) found.push(path, ...foldersOf(path))
  }
  return found
}
