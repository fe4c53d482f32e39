import type { Command } from 'commander'
import { report } from './output.ts'

export interface CommandCall {
  /** Where the log is: `--dir`, or ONCELOG_DIR, or ./data. */
  readonly directory: string
  readonly isJson: boolean
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
}

/** Makes an action of a command: failures are told on standard error and become the exit code. */
export type Run = (work: (call: CommandCall) => Promise<void>) => (...given: unknown[]) => Promise<void>

export function runner(): Run {
  return (work) =>
    async (...given) => {
      const command = given.at(-1) as Command
      const options = command.optsWithGlobals<Record<string, unknown>>()
      const isJson = options['json'] === true
      try {
        await work({ directory: options['dir'] as string, isJson, args: command.args, options })
      } catch (error) {
        process.exitCode = report(error, isJson)
      }
    }
}
