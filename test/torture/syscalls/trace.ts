import { readFileSync } from 'node:fs'

/** Calls of the system that change files or say what they hold. */
export const CALLS = [
  'openat',
  'pwrite64',
  'write',
  'fdatasync',
  'fsync',
  'rename',
  'unlink',
  'ftruncate',
  'mkdir',
  'rmdir',
  'fallocate',
] as const
export type Call = (typeof CALLS)[number]

/** A call, counted as strace counts for its injections: for each thread and each kind from 1. */
export interface Point {
  readonly call: Call
  readonly number: number
}

const LINE = /^(\d+) +(\w+)\((.*)/

/** Of a whole run by `strace -f`: the calls from the first one on that names the directory. */
export function pointsOf(tracePath: string, directory: string): readonly Point[] {
  const counts = new Map<string, number>()
  const points = new Map<string, Point>()
  let hasBegun = false
  for (const line of readFileSync(tracePath, 'latin1').split('\n')) {
    const [, thread, name, rest = ''] = LINE.exec(line) ?? []
    const call = CALLS.find((each) => each === name)
    if (call === undefined) continue
    const number = (counts.get(`${thread} ${call}`) ?? 0) + 1
    counts.set(`${thread} ${call}`, number)
    hasBegun ||= rest.includes(directory)
    if (hasBegun) points.set(`${call} ${number}`, { call, number })
  }
  return [...points.values()]
}
