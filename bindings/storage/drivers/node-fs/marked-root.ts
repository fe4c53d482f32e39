import * as fs from 'node:fs'
import { join } from 'node:path'

const { O_RDONLY, O_WRONLY, O_CREAT, O_DIRECTORY, O_NOFOLLOW } = fs.constants

/**
 * Makes `root` with an empty file `mark` in it: beside its place, and then by renaming, so that neither a kill nor a
 * power failure leaves the directory without the file. If it ends in between, `<root>.<mark>` is left, which the next
 * one uses. A root that another process has made meanwhile stays as it is.
 */
export function makeMarkedRoot(root: string, mark: string): void {
  const beside = `${root}.${mark}`
  try {
    makeBeside(beside)
    fs.closeSync(fs.openSync(join(beside, mark), O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600))
    syncNow(beside)
    fs.renameSync(beside, root)
  } catch (error) {
    if (!fs.existsSync(root)) throw error
    fs.rmSync(beside, { recursive: true, force: true })
  }
}

function makeBeside(directory: string): void {
  try {
    fs.mkdirSync(directory, 0o700)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !fs.lstatSync(directory).isDirectory()) throw error
  }
}

function syncNow(directory: string): void {
  const descriptor = fs.openSync(directory, O_RDONLY | O_DIRECTORY)
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}
