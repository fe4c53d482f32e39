import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { bundleProgram } from '../../damage/bundled.ts'
import { scratchDirectory, type Undo, undoAtExit } from '../undo.ts'
import { FileSystem, type FileSystemKind, makeImage, missingFor, unmount } from './file-system.ts'
import { FILE_NAME } from './fuse-protocol.ts'
import type { Leaving } from './torn-image.ts'

export interface DiskFault {
  readonly kind: 'write' | 'flush'
  readonly errno: number
  /** How many of them fail from now on. */
  readonly left: number
}

export type DiskOrder =
  | { readonly kind: 'cut'; readonly leaving: Leaving; readonly seed: number; readonly afterWrites: number }
  | { readonly kind: 'fail'; readonly fault: DiskFault }
  /** Power again, and no more failures. */
  | { readonly kind: 'heal' }

export interface Losses {
  /** Sectors that the cut took, of those that no flush had made durable. */
  readonly lost: number
  readonly open: number
}

/**
 * A file system on a disk whose power can be cut, with all that wasn't flushed gone or torn, and which fails on demand.
 */
export class FaultDisk {
  readonly files: FileSystem
  readonly #server: ChildProcess
  readonly #unmount: Undo

  private constructor(server: ChildProcess, unmounting: Undo, files: FileSystem) {
    this.#server = server
    this.#unmount = unmounting
    this.files = files
  }

  static async make(program: string, kind: FileSystemKind, scratch: string): Promise<FaultDisk> {
    const image = join(scratch, 'image')
    const place = join(scratch, 'disk')
    mkdirSync(place)
    makeImage(kind, image)
    const server = spawn(process.execPath, [program, image, place], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // What ends this process by the terminal must not end it first: the file system on it is unmounted before.
      detached: true,
    })
    const unmounting = undoAtExit(() => {
      unmount(place)
      server.kill('SIGKILL')
    })
    const mounted = await Promise.race([once(server, 'message'), once(server, 'exit').then(() => undefined)])
    if (mounted === undefined) throw new Error('the FUSE file system could not be mounted')
    const files = new FileSystem(kind, join(place, FILE_NAME), join(scratch, 'mounted'))
    return new FaultDisk(server, unmounting, files)
  }

  async #order(order: DiskOrder): Promise<unknown> {
    const answered = once(this.#server, 'message')
    this.#server.send(order)
    const [answer] = (await answered) as [unknown]
    return answer
  }

  /** After so many writes, or when there are none for a while, the power goes: everything fails, until it is healed. */
  async cut(leaving: Leaving, seed: number, afterWrites: number): Promise<Losses> {
    return (await this.#order({ kind: 'cut', leaving, seed, afterWrites })) as Losses
  }

  async fail(fault: DiskFault): Promise<void> {
    await this.#order({ kind: 'fail', fault })
  }

  /** How many operations failed since the last time. */
  async heal(): Promise<number> {
    const { struck } = (await this.#order({ kind: 'heal' })) as { struck: number }
    return struck
  }

  remove(): void {
    this.files.unmount()
    this.#unmount.now()
  }
}

/** Its server as one file. */
export async function diskProgram(): Promise<string> {
  const program = join(scratchDirectory('disk').path, 'server.mjs')
  await bundleProgram('test/torture/disk/server.ts', program)
  return program
}

export function missingForFaultDisk(kind: FileSystemKind): string | undefined {
  const missing = missingFor(kind)
  if (missing !== undefined || existsSync('/dev/fuse')) return missing
  return 'needs /dev/fuse (CONFIG_FUSE_FS)'
}
