import type { Command } from 'commander'
import type { Outcome } from './output.ts'
import { report, reportOutput } from './report.ts'

export interface CommandCall {
  /** Where the log is: `--dir`, or ONCELOG_DIR, or ./data. */
  readonly directory: string
  readonly isJson: boolean
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
  /** Aborts at SIGINT and SIGTERM, and when the reader of the output has closed it. */
  readonly signal: AbortSignal
}

/** 128 plus the signal's number, as in shells. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * The action of a command: reports failures on standard error and by the exit code. `work` resolves with what it
 * changed, so that it is told where standard output doesn't take it.
 */
export function run(
  work: (call: CommandCall) => Promise<Outcome | undefined> | Promise<void>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command
    const options = command.optsWithGlobals<Record<string, unknown>>()
    const isJson = options['json'] === true
    const stop = new AbortController()
    for (const [name, code] of Object.entries(SIGNAL_EXIT_CODES)) {
      // Handled once: the command finishes what it has begun. A second signal ends the program at once.
      process.once(name, () => {
        process.exitCode = code
        stop.abort()
      })
    }
    let refused: Error | undefined
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') refused ??= error
      stop.abort()
    })
    let done: Outcome | undefined
    try {
      const call = { directory: options['dir'] as string, isJson, args: command.args, options, signal: stop.signal }
      done = (await work(call)) ?? undefined
    } catch (error) {
      if (!stop.signal.aborted || error !== stop.signal.reason) {
        process.exitCode = report(error, isJson)
        return
      }
    }
    await new Promise<unknown>((resolve) => process.stdout.write('', resolve))
    if (refused !== undefined) process.exitCode = reportOutput(refused, done, isJson)
  }
}
