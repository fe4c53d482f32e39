import { type ChildProcess, spawn } from 'node:child_process'

/** A broken test may print without end; what matters stands at the end. */
const outputLimitBytes = 4 << 20
/** After the process: how long what it started may keep its output open. */
const lingerMs = 1000

const running = new Set<TestProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const each of running) each.kill()
    process.exit(1)
  })
}

export interface Start {
  readonly flags: readonly string[]
  readonly words: readonly string[]
  readonly root: string
  /** It is told what to do by messages. */
  readonly takesMessages: boolean
}

export interface End {
  readonly exitCode: number | null
  readonly signal: string | null
}

/** How a test file came to its end. */
export interface Outcome extends End {
  readonly timedOutAfterMs: number | undefined
}

/** A process of its own group, so that nothing it started outlives it. */
export class TestProcess {
  readonly ended: Promise<End>
  readonly #child: ChildProcess
  readonly #chunks: Buffer[] = []
  #keptBytes = 0
  #heard: (chunk: Buffer) => void = () => {}

  constructor({ flags, words, root, takesMessages }: Start) {
    this.#child = spawn(process.execPath, [...flags, ...words], {
      stdio: ['ignore', 'pipe', 'pipe', ...(takesMessages ? (['ipc'] as const) : [])],
      cwd: root,
      detached: true,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
    })
    running.add(this)
    for (const output of [this.#child.stdout, this.#child.stderr]) output?.on('data', (chunk) => this.#keep(chunk))
    this.ended = this.#end()
  }

  get isRunning(): boolean {
    return running.has(this)
  }

  /** All that it printed since it was last taken, as far as it was kept. */
  get output(): string {
    return Buffer.concat(this.#chunks).toString('utf8')
  }

  forgetOutput(): void {
    this.#chunks.length = 0
    this.#keptBytes = 0
  }

  onOutput(heard: (chunk: Buffer) => void): void {
    this.#heard = heard
  }

  send(message: string): void {
    this.#child.send(message)
  }

  /** What `end` says, or that it is killed because it took too long. */
  async within(timeoutMs: number, end: Promise<End>): Promise<Outcome> {
    let timedOutAfterMs: number | undefined
    const killTimer = setTimeout(() => {
      timedOutAfterMs = timeoutMs
      this.kill()
    }, timeoutMs)
    const { exitCode, signal } = await end
    clearTimeout(killTimer)
    return { exitCode, signal, timedOutAfterMs }
  }

  kill(): void {
    if (this.#child.pid !== undefined) killGroup(this.#child.pid)
  }

  async #end(): Promise<End> {
    const child = this.#child
    const end = await new Promise<End>((resolve) => {
      child.once('error', (error) => {
        this.#keep(Buffer.from(`${error.message}\n`))
        resolve({ exitCode: null, signal: null })
      })
      child.once('exit', (exitCode, signal) => {
        const ended = (): void => resolve({ exitCode, signal })
        child.once('close', ended)
        setTimeout(ended, lingerMs).unref()
      })
    })
    running.delete(this)
    this.kill()
    child.stdout?.destroy()
    child.stderr?.destroy()
    return end
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#keptBytes += chunk.length
    while (this.#keptBytes > outputLimitBytes && this.#chunks.length > 1) {
      this.#keptBytes -= this.#chunks.shift()?.length ?? 0
    }
    this.#heard(chunk)
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // Nobody of the group is left.
  }
}
