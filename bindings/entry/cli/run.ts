import type { Command } from 'commander'
import { report } from './output.ts'

export interface CommandCall {
  /** Where the log is: `--dir`, or ONCELOG_DIR, or ./data. */
  readonly directory: string
  readonly isJson: boolean
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
  /** Aborts at SIGINT and SIGTERM, and when whoever reads the output has gone. */
  readonly signal: AbortSignal
}

/** 128 and the signal's number, as shells have it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** Makes an action of a command: failures are told on standard error and become the exit code. */
export function run(work: (call: CommandCall) => Promise<void>): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command
    const options = command.optsWithGlobals<Record<string, unknown>>()
    const isJson = options['json'] === true
    const stop = new AbortController()
    for (const [name, code] of Object.entries(EXIT_CODES)) {
      // Once: what was begun is finished; a second signal ends the program at once.
      process.once(name, () => {
        process.exitCode = code
        stop.abort()
      })
    }
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') process.exitCode = report(error, isJson)
      stop.abort()
    })
    try {
      const call = { directory: options['dir'] as string, isJson, args: command.args, options, signal: stop.signal }
      await work(call)
    } catch (error) {
      if (!stop.signal.aborted || error !== stop.signal.reason) process.exitCode = report(error, isJson)
    }
  }
}
