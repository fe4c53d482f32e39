import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { bundleOf } from '../../runner/bundles/cache.mjs'
import type { Said } from '../support.ts'
import { functionBundle } from './bundles.ts'
import type { Call, Given } from './thread.ts'

const LIMIT_MS = 60_000

/**
 * The command line in a thread beside this one: a twentieth of what a process costs. `test/cli/as-process.test.ts` sees
 * that it says the same.
 */
export class CommandThread {
  readonly #worker: Worker

  private constructor(program: string, workerData: Given) {
    this.#worker = new Worker(program, { workerData, execArgv: [] })
    this.#worker.unref()
  }

  /** `haste`: how much sooner its timers are due. */
  static async start(haste = 1): Promise<CommandThread> {
    const program = await bundleOf(fileURLToPath(new URL('thread.ts', import.meta.url)))
    return new CommandThread(program, { bundle: await functionBundle(), haste })
  }

  /** Holds this thread until the command has ended, as `spawnSync` does. */
  runSync(args: readonly string[], input: string | Uint8Array): Said {
    const { port, isAnswered } = this.#call(args, input)
    const how = Atomics.wait(isAnswered, 0, 0, LIMIT_MS)
    if (how === 'timed-out') throw new Error(`${args.join(' ')} has not ended after ${LIMIT_MS} ms`)
    const said = receiveMessageOnPort(port)?.message as Said
    port.close()
    return said
  }

  async run(args: readonly string[], input: string | Uint8Array): Promise<Said> {
    const { port } = this.#call(args, input)
    const [said] = await once(port, 'message')
    port.close()
    return said as Said
  }

  #call(
    args: readonly string[],
    input: string | Uint8Array,
  ): { port: MessageChannel['port1']; isAnswered: Int32Array } {
    const { port1: port, port2: answer } = new MessageChannel()
    const isAnswered = new Int32Array(new SharedArrayBuffer(4))
    const call: Call = { args, input, answer, isAnswered }
    this.#worker.postMessage(call, [answer])
    return { port, isAnswered }
  }
}
