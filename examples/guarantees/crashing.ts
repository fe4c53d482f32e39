import { fork } from 'node:child_process'

/** Runs the example's own file again in a process of its own, with these words; answers how that ended. */
export function inProcess(file: string, ...words: string[]): Promise<string> {
  const child = fork(file, words)
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? `exit code ${code}`)))
}

/** As a power cut would for the process: nothing of it runs any more. */
export function crash(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}
