import type { DirectoryImage } from '../../damage/directory-image.ts'
import { type Fixture, RELAXED } from '../../damage/fixture.ts'
import { ImageFile } from '../../damage/image-file.ts'
import { type Observation, observe } from '../../damage/observe.ts'
import { judge } from '../../damage/verdict.ts'
import { type Bytes, copyOf, type FuzzTarget, Refused, Wrong } from '../target.ts'

/** Ring files are mutated up to here: after it are zeros. */
const RING_BYTES = 8192

interface Judged extends Fixture {
  readonly before: Observation
}

/**
 * A whole log of which one file is another: all is read as before, or an error or the report places the damage. The
 * first two bytes of an input say which log and which file, the rest is its content.
 */
export async function directoryTarget(
  fixtures: readonly Fixture[],
  see: (image: DirectoryImage) => Promise<Observation> = observe,
): Promise<FuzzTarget> {
  const logs: Judged[] = []
  for (const fixture of fixtures) logs.push({ ...fixture, before: await observe(fixture.image.fork()) })
  return {
    name: 'files of a directory',
    share: 1,
    whole: logs.flatMap(({ image }, log) => image.paths.map((path, file) => inputOf(image, path, [log, file]))),
    async take(bytes) {
      const log = logs[(bytes[0] ?? 0) % logs.length] as Judged
      const path = log.image.paths[(bytes[1] ?? 0) % log.image.paths.length] as string
      const copy = log.image.fork()
      put(copy, path, bytes.slice(2))
      const after = withinSegments(await see(copy), log.before)
      const { isAllowed, why } = judge(log.before, after)
      // Its end may be what a power failure left.
      const isCut = path === RELAXED[log.name] && after.told.length === 0
      if (!isAllowed && !isCut) throw new Wrong(`${log.name} ${path}: ${why}`)
      if (after.told.length > 0) throw new Refused(why)
    },
  }
}

/**
 * What stands past the end of a closed segment is read by nobody; epochs are looked up in its file to the end of that.
 */
function withinSegments(after: Observation, before: Observation): Observation {
  const facts = new Map(after.facts)
  for (const [name, fact] of before.facts) {
    if (name.startsWith('epochs of') && facts.get(name)?.startsWith(`${fact},`)) facts.set(name, fact)
  }
  return { ...after, facts }
}

function inputOf(image: DirectoryImage, path: string, head: readonly number[]): Bytes {
  const bytes = image.files.get(path)?.bytes() ?? new Uint8Array()
  return new Uint8Array([...head, ...copyOf(bytes.subarray(0, isRing(path) ? RING_BYTES : bytes.length))])
}

function isRing(path: string): boolean {
  return path.endsWith('.ring') || path === 'journal/reserve'
}

/** A ring file keeps its size. */
function put(image: DirectoryImage, path: string, content: Bytes): void {
  const file = isRing(path) ? image.files.get(path) : new ImageFile()
  if (file === undefined) return
  file.write(content, 0)
  image.files.set(path, file)
}
