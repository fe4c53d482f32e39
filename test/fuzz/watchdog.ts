import { Worker } from 'node:worker_threads'

/** No case takes so long: its thread hangs, and only another one can say so. */
const PATIENCE_MS = 60_000
const NAME_BYTES_MAX = 64

const WATCHING = `
const { workerData: { numbers, name, patienceMs } } = require('node:worker_threads')
let before = -1
setInterval(() => {
  const turn = Atomics.load(numbers, 0)
  if (turn !== before || turn === 0) { before = turn; return }
  const target = Buffer.from(name.slice(0, numbers[3])).toString()
  require('node:fs').writeSync(2, "it hangs: npm run fuzz -- --target '" + target + "' --seed " + numbers[1] + " --case " + numbers[2] + "\\n")
  process.kill(process.pid, 'SIGKILL')
}, patienceMs)
`

/** A thread beside the cases: when one hangs it prints the command that repeats it and ends the process. */
export class Watchdog {
  /** Turn, seed, case, length of the name. */
  readonly #numbers = new Int32Array(new SharedArrayBuffer(16))
  readonly #name = new Uint8Array(new SharedArrayBuffer(NAME_BYTES_MAX))
  readonly #worker: Worker
  #target = ''

  constructor(patienceMs: number = PATIENCE_MS) {
    const workerData = { numbers: this.#numbers, name: this.#name, patienceMs }
    this.#worker = new Worker(WATCHING, { eval: true, workerData, execArgv: [] })
    this.#worker.unref()
  }

  begin(target: string, seed: number, number: number): void {
    if (target !== this.#target) {
      this.#target = target
      const { written } = new TextEncoder().encodeInto(target, new Uint8Array(NAME_BYTES_MAX))
      this.#name.set(new TextEncoder().encode(target).subarray(0, NAME_BYTES_MAX))
      this.#numbers[3] = written
    }
    this.#numbers[1] = seed
    this.#numbers[2] = number
    Atomics.add(this.#numbers, 0, 1)
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
