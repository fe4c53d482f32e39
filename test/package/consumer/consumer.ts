// Compiled against the packed package by check.ts; names only what every surrounding has.
import * as oncelog from 'oncelog'

export const names: readonly string[] = Object.keys(oncelog)
