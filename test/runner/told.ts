import { stripVTControlCharacters } from 'node:util'

/** What a file tells whoever runs all of them, besides whether it holds. */
export interface Told {
  readonly kind: 'NOT RUN' | 'COUNTED'
  readonly path: string
  readonly text: string
}

/** Lines that a test prints, maybe after uvu's dots: `NOT RUN: what, and what it needs` or `COUNTED: how much`. */
export function toldBy(path: string, output: string): Told[] {
  const lines = stripVTControlCharacters(output).matchAll(/\b(NOT RUN|COUNTED): (.+)$/gm)
  return Array.from(lines, ([, kind, text]) => ({ kind: kind as Told['kind'], path, text: text ?? '' }))
}

/** A list under each kind that anything was told of. */
export function listed(told: readonly Told[]): string {
  return (['COUNTED', 'NOT RUN'] as const)
    .map((kind) => told.filter((each) => each.kind === kind))
    .filter((each) => each.length > 0)
    .map((each) => [`\n${each[0]?.kind}`, ...each.map(({ path, text }) => `  ${path}: ${text}`)].join('\n'))
    .join('\n')
}
