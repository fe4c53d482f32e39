import type { Command } from 'commander'
import { nearestOf } from '../../model/nearest-name.ts'

/**
 * Adds `list`, which runs where no command is named. Commander takes a misspelt command for an argument of it, and
 * would say that `list` has too many.
 */
export function defaultList(parent: Command): Command {
  const list = parent.command('list', { isDefault: true })
  return list.allowExcessArguments().hook('preAction', () => {
    const [word] = parent.args
    const isNamed = word === 'list'
    if (isNamed && list.args.length > 0) list.error(`error: list takes no arguments, got ${list.args.length}`)
    if (!isNamed && list.args.length > 0) list.error(unknownCommand(parent, list.args[0] ?? ''))
  })
}

function unknownCommand(parent: Command, word: string): string {
  const known = parent.commands.map((command) => command.name())
  const [nearest] = nearestOf(word, known)
  const advice = nearest === undefined ? `It has ${known.join(', ')}` : `Did you mean ${nearest}?`
  return `error: unknown command '${word}'\n(${advice})`
}
