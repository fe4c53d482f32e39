import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Runs a program of the system to its end; throws with what it said if it failed. */
export function run(program: string, ...words: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? stderr.trim()}`)
}

/** Where the programs of root are too, which the PATH of a root shell may lack. */
const PLACES = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']

export function hasProgram(name: string): boolean {
  return PLACES.some((place) => place !== '' && existsSync(join(place, name)))
}

/** Of these programs, the packages of Debian that bring those that aren't here. */
export function missingPrograms(packages: Readonly<Record<string, string>>): string | undefined {
  const missing = Object.keys(packages).filter((name) => !hasProgram(name))
  if (missing.length === 0) return undefined
  return `needs ${missing.map((name) => `${name} (Debian: ${packages[name]})`).join(', ')}`
}

export const isRoot = (): boolean => process.getuid?.() === 0
