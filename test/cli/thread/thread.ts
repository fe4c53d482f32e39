/**
 * Runs the command line in this thread, call after call. Each evaluates all of its modules anew and has the thread's
 * `process` as a process has it: words, input, output, exit code. As a process it has ended once nothing keeps the
 * event loop alive.
 */
import { Console } from 'node:console'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Readable, Writable } from 'node:stream'
import { compileFunction, constants } from 'node:vm'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Said } from '../support.ts'

export interface Call {
  readonly args: readonly string[]
  readonly input: string | Uint8Array
  readonly answer: MessagePort
  /** Its first number becomes 1 once the answer is sent. */
  readonly isAnswered: Int32Array
}

export interface Given {
  readonly bundle: string
  readonly haste: number
}

const { bundle, haste } = workerData as Given
const evaluate = compileFunction(readFileSync(bundle, 'utf8'), ['require', 'module'], {
  filename: bundle,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}) as (require: NodeJS.Require, module: { exports: unknown }) => void

/** What `process.exit` throws here. */
const EXIT = Symbol('exit')

class Output extends Writable {
  readonly #chunks: Buffer[] = []

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk)
    done()
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8')
  }
}

function give(values: Partial<Record<keyof NodeJS.Process, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(process, name, { value, configurable: true, writable: true })
  }
}

const plainTimer = globalThis.setTimeout
globalThis.setTimeout = ((callback: () => void, delayMs: number) => plainTimer(callback, delayMs / haste)) as never

// Callers name the log's directory.
delete process.env['ONCELOG_DIR']

const keptAlive = (): number => process.getActiveResourcesInfo().length

async function say(args: readonly string[], input: string | Uint8Array): Promise<Said> {
  const [out, err] = [new Output(), new Output()]
  const exit = (code?: number): never => {
    process.exitCode = code
    throw EXIT
  }
  give({ argv: [process.execPath, bundle, ...args], stdout: out, stderr: err, exit })
  give({ stdin: Readable.from(input.length === 0 ? [] : [Buffer.from(input)], { objectMode: false }) })
  globalThis.console = new Console({ stdout: out, stderr: err })
  process.exitCode = 0
  const own = keptAlive()
  try {
    const module = { exports: {} as typeof import('../../../bindings/entry/cli/command-line.ts') }
    evaluate(createRequire(bundle), module)
    await module.exports.commandLine(process.argv).parseAsync()
    while (keptAlive() > own) await new Promise((resume) => setImmediate(resume))
  } catch (error) {
    if (error !== EXIT) fail(error)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeAllListeners(signal)
  return { status: Number(process.exitCode), out: out.text, err: err.text }
}

/** What nobody caught. */
function fail(error: unknown): void {
  console.error(error)
  process.exitCode = 1
}

process.removeAllListeners('warning')
process.on('warning', (warning) => {
  // One of them is about how this thread imports.
  if (warning.name !== 'ExperimentalWarning') console.error(`(node:${process.pid}) ${warning}`)
})
process.on('uncaughtException', fail)

let last: Promise<unknown> = Promise.resolve()
parentPort?.on('message', ({ args, input, answer, isAnswered }: Call) => {
  last = last.then(async () => {
    answer.postMessage(await say(args, input))
    Atomics.store(isAnswered, 0, 1)
    Atomics.notify(isAnswered, 0)
  })
})
