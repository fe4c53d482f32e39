import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Supervised {
  readonly kills: number
  readonly redelivered: number
  readonly attempts: number
}

interface Message {
  readonly counted?: number
  readonly redelivered?: number
  readonly isOutputWritten?: boolean
  readonly filled?: number
  readonly done?: boolean
}

/** Runs a program of this folder; `heard` gets what it sends. Resolves with its exit code, `undefined` after a kill. */
export function run(
  program: string,
  args: readonly string[],
  heard: (message: Message, child: ChildProcess) => void,
): Promise<number | undefined> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  return new Promise((resolve, reject) => {
    child.on('message', (message) => heard(message as Message, child))
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? undefined))
  })
}

export interface KillPlan {
  /** SIGKILLs at the least, and until a record came again. */
  readonly killsMin: number
  /** So many kills without any redelivery prove nothing. */
  readonly killsMax: number
  progress(counted: number): void
}

/**
 * Runs one consumer after the other and kills each at a random moment, most of them between output and commit, until
 * enough were killed; the last one runs to its end.
 */
export async function runAndKill(directory: string, { killsMin, killsMax, progress }: KillPlan): Promise<Supervised> {
  let kills = 0
  let redelivered = 0
  for (let attempts = 1; ; attempts++) {
    const isEnough = kills >= killsMin && redelivered > 0
    if (kills >= killsMax && redelivered === 0)
      throw new Error(`${kills} kills and no record came again: nothing was proved`)
    let outputs = 0
    const killAfter = 1 + Math.floor(Math.random() * 4)
    let isKilled = false
    const kill = (child: ChildProcess) => {
      isKilled = child.kill('SIGKILL') || isKilled
    }
    let timer: NodeJS.Timeout | undefined
    const code = await run('consume.ts', [directory, isEnough ? '' : 'aimed'], (message, child) => {
      progress(message.counted ?? 0)
      redelivered += message.redelivered ?? 0
      if (isEnough || message.isOutputWritten !== true || isKilled) return
      outputs++
      if (outputs < killAfter) return
      // Every third one at any instant of the next milliseconds, the others right here.
      if (attempts % 3 === 0) timer ??= setTimeout(() => kill(child), Math.random() * 5)
      else kill(child)
    })
    clearTimeout(timer)
    if (code === undefined) kills++
    else if (code !== 0) throw new Error(`a consumer ended with exit code ${code}`)
    else return { kills, redelivered, attempts }
  }
}
