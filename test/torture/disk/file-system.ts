import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Undo, undoAtExit } from '../undo.ts'
import { hasProgram, isRoot, missingPrograms, run } from './programs.ts'

export type FileSystemKind = 'ext4' | 'xfs' | 'btrfs'

const MIB = 1024 * 1024
/** mkfs.xfs and mkfs.btrfs make none that is smaller. */
const SIZES: Readonly<Record<FileSystemKind, number>> = { ext4: 48 * MIB, xfs: 300 * MIB, btrfs: 128 * MIB }

/** What a cut leaves of what the file system has noted and not written yet (EXT4_GOING_FLAGS, XFS_FSOP_GOING_FLAGS). */
export const CUT_FLAGS = { everything: 0, 'with its log': 1, 'without its log': 2 } as const
export type CutFlag = keyof typeof CUT_FLAGS

/** _IOR('X', 125, __u32): EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are one. */
const SHUTDOWN = '0x8004587d'
const BY_PERL = `open my $f, "<", $ARGV[0] or die $!; my $flag = pack "L", $ARGV[1]; defined ioctl($f, ${SHUTDOWN}, $flag) or die $!`
const BY_PYTHON = `import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), ${SHUTDOWN}, struct.pack("I", int(sys.argv[2])))`

const UNMOUNT_TRIES_MAX = 100
const UNMOUNT_AGAIN_MS = 20

const OPTIONS: Readonly<Record<FileSystemKind, readonly string[]>> = {
  ext4: ['data=ordered', 'data=writeback', 'data=journal', 'commit=1', 'data=ordered,nodelalloc'],
  xfs: ['rw', 'wsync'],
  btrfs: ['rw', 'commit=1', 'flushoncommit', 'nodatacow', 'compress-force=zstd'],
}

const MAKERS: Readonly<Record<FileSystemKind, readonly [program: string, ...words: string[]]>> = {
  ext4: ['mkfs.ext4', '-q', '-F', '-E', 'nodiscard,lazy_itable_init=1'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  btrfs: ['mkfs.btrfs', '-q', '-f', '--mixed'],
}
const PACKAGES: Readonly<Record<FileSystemKind, string>> = { ext4: 'e2fsprogs', xfs: 'xfsprogs', btrfs: 'btrfs-progs' }

/** A file system in a file, mounted by a loop device. */
export class FileSystem {
  readonly kind: FileSystemKind
  readonly place: string
  readonly #image: string
  #mounted: Undo | undefined

  constructor(kind: FileSystemKind, image: string, place: string) {
    this.kind = kind
    this.place = place
    this.#image = image
    mkdirSync(place, { recursive: true })
  }

  /** New and empty, not mounted yet. */
  static make(kind: FileSystemKind, scratch: string): FileSystem {
    const image = join(scratch, 'image')
    makeImage(kind, image)
    return new FileSystem(kind, image, join(scratch, 'mounted'))
  }

  /** What was begun before a cut is finished or undone by it. `choice`: one of the ways in which it may write. */
  mount(choice = 0): void {
    const options = OPTIONS[this.kind]
    run('mount', '-t', this.kind, '-o', `loop,${options[choice % options.length]}`, this.#image, this.place)
    this.#mounted = undoAtExit(() => unmount(this.place))
  }

  /** Throws where somebody uses it for longer than a killed process does: mounted twice it would be damaged. */
  unmount(): void {
    if (this.#mounted === undefined) return
    for (let tries = 1; ; tries++) {
      try {
        run('umount', this.place)
        break
      } catch (error) {
        if (tries === UNMOUNT_TRIES_MAX) throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, UNMOUNT_AGAIN_MS)
      }
    }
    this.#mounted.never()
    this.#mounted = undefined
  }

  /** From here on nothing reaches the file any more, and every call fails. */
  cut(flag: CutFlag): void {
    const value = `${CUT_FLAGS[flag]}`
    if (hasProgram('perl')) run('perl', '-e', BY_PERL, this.place, value)
    else run('python3', '-c', BY_PYTHON, this.place, value)
  }
}

export function makeImage(kind: FileSystemKind, image: string): void {
  writeFileSync(image, '')
  truncateSync(image, SIZES[kind])
  const [program, ...words] = MAKERS[kind]
  run(program, ...words, image)
}

/** At the end: at once where nobody uses it, otherwise as soon as nobody does. */
export function unmount(place: string): void {
  try {
    run('umount', place)
  } catch {
    run('umount', '-l', place)
  }
}

/** What is missing here to make one and to cut its power. */
export function missingFor(kind: FileSystemKind): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`
  if (!isRoot()) return 'needs root, to mount a file system by a loop device'
  if (!readFileSync('/proc/filesystems', 'utf8').includes(`\t${kind}\n`)) return `needs a kernel with ${kind}`
  const missing = missingPrograms({ mount: 'mount', umount: 'mount', [MAKERS[kind][0]]: PACKAGES[kind] })
  if (missing !== undefined) return missing
  return hasProgram('perl') || hasProgram('python3') ? undefined : 'needs perl or python3, for one ioctl'
}
