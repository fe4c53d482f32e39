import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import { take } from '../client/support.ts'
import { scratchDirectory } from '../scratch.ts'
import { publishedBundle } from './thread/bundles.ts'
import { CommandThread } from './thread/command-thread.ts'

const bundle = await publishedBundle()
const thread = await CommandThread.start()

export interface Said {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** The command line over a directory of its own, with input and output that are no terminal. */
export class CommandLine {
  readonly home: string = scratchDirectory('cli')
  readonly log: string = join(this.home, 'log')

  words(args: readonly string[]): string[] {
    return [bundle, ...this.#args(args)]
  }

  #args(args: readonly string[]): string[] {
    return ['--dir', this.log, ...args]
  }

  /** In a thread, while this one waits. */
  run(args: readonly string[], input: string | Uint8Array = ''): Said {
    return thread.runSync(this.#args(args), input)
  }

  /** In a thread, while this one goes on: it may hold the log. One after the other. */
  runBeside(args: readonly string[], input: string | Uint8Array = ''): Promise<Said> {
    return thread.run(this.#args(args), input)
  }

  /** As if it was called in another directory, in a thread, while this one goes on. */
  async runIn(directory: string, args: readonly string[]): Promise<Said> {
    const own = process.cwd()
    process.chdir(directory)
    try {
      return await thread.run(args, '')
    } finally {
      process.chdir(own)
    }
  }

  /** In a process of its own, while this one waits. */
  runProcess(args: readonly string[], input: string | Uint8Array = ''): Said {
    const done = spawnSync(process.execPath, this.words(args), { input, timeout: 60_000, maxBuffer: 64 << 20 })
    return { status: done.status, out: done.stdout.toString('utf8'), err: done.stderr.toString('utf8') }
  }

  /** For signals and pipes: the caller ends it. */
  start(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, this.words(args), { stdio: ['pipe', 'pipe', 'pipe'] })
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true })
  }
}

export function rows(text: string): Record<string, unknown>[] {
  if (text.trim() === '') return []
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** The group `audit` commits a record of `pay`, and the share group `mailers` accepts one. */
export async function readByGroups(log: EmbeddedLog): Promise<void> {
  const consumer = log.consumer({ groupId: 'audit', topics: ['pay'] })
  const [record] = await take(consumer, 1)
  await consumer.commit(record!)
  await consumer.close()
  const work = log.shareConsumer({ groupId: 'mailers', topics: ['pay'] })
  const [held] = await take(work, 1)
  await work.acknowledge(held!, 'accept')
  await work.close()
}

/** What a program wrote until it ended. */
export function ended(child: ChildProcess): Promise<Said> {
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8')
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString('utf8')
  })
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, out, err })))
}
