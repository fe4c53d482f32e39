import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of the test files below `directory`, sorted, those that hold one of `words` when there are any. */
export function findTestFiles(directory: string, suffix: string, words: readonly string[]): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.split(/[\\/]/).includes('node_modules'))
    .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
    .sort()
}
