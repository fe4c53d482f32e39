import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { bundleCli } from '../../bindings/entry/bundle-cli.mjs'
import { scratchDirectory } from '../scratch.ts'

/** As it is published: one file. Bundled once for a test file, because each call is a process of its own. */
const bundle = `build/cli-${process.pid}.mjs`
await bundleCli(bundle)
process.once('exit', () => {
  for (const path of [bundle, `${bundle}.LEGAL.txt`]) rmSync(path, { force: true })
})

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
    return [bundle, '--dir', this.log, ...args]
  }

  run(args: readonly string[], input: string | Uint8Array = ''): Said {
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

/** Waits for what must come: a test that waits in vain ends by the runner's limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resume) => setTimeout(resume, 20))
}
