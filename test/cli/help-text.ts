import type { CommandLine } from './support.ts'

export interface HelpText {
  readonly words: readonly string[]
  readonly text: string
}

/** The help of the command that `words` name, and of all below it. */
export function commandsOf(cli: CommandLine, words: readonly string[] = []): HelpText[] {
  const text = cli.run([...words, '--help']).out
  const below = text.split(/^Commands:$/m)[1]?.split('\n\n')[0] ?? ''
  const names = [...below.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help')
  return [{ words, text }, ...names.flatMap((name) => commandsOf(cli, [...words, name]))]
}
