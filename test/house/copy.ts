/** A copy of what the checks read, where a test can plant violations. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface HouseCopy {
  readonly directory: string
  write(path: string, text: string): void
  remove(): void
}

export function copyHouse(files: readonly string[]): HouseCopy {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'oncelog-house-')))
  for (const file of files) cpSync(file, join(directory, file), { recursive: true })
  symlinkSync(join(process.cwd(), 'node_modules'), join(directory, 'node_modules'), 'junction')
  return {
    directory,
    write(path, text) {
      const target = join(directory, path)
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, text)
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
