/**
 * `verify`, `inspect` and `consume` over a directory with one harmed file, for every kind of file and every harm: each
 * exits as its help says, tells file and place in a line, shows no record that wasn't written, and never a stack trace.
 * What `verify` finds whole reads as before; where `consume` shows less than was written it says so. Every ninth file
 * of each harm in two logs; all of them in four, a quarter of an hour: `node test/runner/bundles/start.mjs
 * test/cli/damage.heavy.test.ts all`
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kindOf } from '../damage/bit-flips.ts'
import type { DirectoryImage } from '../damage/directory-image.ts'
import { type Fixture, fixtures, RELAXED } from '../damage/fixture.ts'
import { HARMS } from '../damage/harms.ts'
import { transactionFixtures } from '../damage/transactions-fixture.ts'
import { CommandLine, type Said } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

const isWhole = process.argv.includes('all')
const STEP = isWhole ? 1 : 9
/** One that was closed, one that was killed. */
const isTried = (_: Fixture, index: number) => isWhole || index % 3 === 0

const originals = [...(await fixtures()), ...(await transactionFixtures())].filter(isTried)
const others = [...(await fixtures(2)), ...(await transactionFixtures(2))].filter(isTried)

/** Something in the place of a file that is no file. */
const STRANGERS: Readonly<Record<string, (place: string) => void>> = {
  'a directory': (place) => mkdirSync(place),
  'a symbolic link': (place) => symlinkSync('/etc/hostname', place),
  'a pipe': (place) => execFileSync('mkfifo', [place]),
}

interface Seen {
  readonly verify: Said
  readonly inspect: Said
  readonly consume: Said
}

function see(path: string): Seen {
  return {
    verify: cli.run(['verify']),
    inspect: cli.run(['inspect', join(cli.log, path)]),
    consume: cli.run(['consume', 'pay']),
  }
}

function write(image: DirectoryImage): void {
  rmSync(cli.log, { recursive: true, force: true })
  image.writeTo(cli.log)
}

/** One file of each kind, the newest one; others for each turn. */
function filesOf(image: DirectoryImage, turn: number): readonly string[] {
  const all = [...new Map(image.paths.map((path) => [kindOf(path), path])).values()]
  return all.filter((_, index) => (index + turn) % STEP === 0)
}

function isContent({ out }: Said): boolean {
  return out.includes('no damage found')
}

/** What is wrong with what was said. */
function faultsOf(path: string, { verify, inspect, consume }: Seen, whole: string, isRelaxed: boolean): string[] {
  const faults: string[] = []
  const check = (holds: boolean, what: string) => {
    if (!holds) faults.push(what)
  }
  for (const [command, { status, out, err }] of Object.entries({ verify, inspect, consume })) {
    check([0, 1, 2].includes(status ?? -1), `${command} ends with ${status}`)
    check(!/\n\s+at .*[:(]/.test(out + err), `${command} shows a stack trace`)
    check((status === 0) === (err === '') || command === 'verify', `${command} ends with ${status} and says: ${err}`)
  }
  const directory = path.split('/')[0] ?? ''
  const told = verify.out + verify.err
  check(
    verify.status === 2 || (verify.status === 0) === isContent(verify),
    `verify ends with ${verify.status}: ${told}`,
  )
  if (verify.status === 1) check(told.includes(directory), `verify doesn't name ${directory}: ${told}`)
  if (verify.status === 0) check(isRelaxed || consume.out === whole, `verify is content, consume shows: ${consume.out}`)
  const written = new Set(whole.split('\n'))
  check(
    consume.out.split('\n').every((line) => written.has(line)),
    `consume invents: ${consume.out}`,
  )
  if (consume.status === 0) check(isRelaxed || consume.out === whole, `consume leaves out in silence: ${consume.out}`)
  else
    check(
      /^file \S+, position \d+|^damage: \S+|can't read \S+/m.test(consume.err),
      `consume names no place: ${consume.err}`,
    )
  return faults
}

for (const [index, { name, image }] of originals.entries()) {
  const other = others[index]?.image ?? image
  let whole = ''

  test(`${name}: unharmed`, () => {
    write(image)
    const { verify, inspect, consume } = see(image.paths.find((path) => path.endsWith('.log')) ?? '')
    assert.equal([verify.status, inspect.status, consume.status], [0, 0, 0], consume.err + inspect.err)
    whole = consume.out
    assert.ok(whole.split('\n').length > 2, whole)
  })

  const harms = new Map<string, (path: string) => boolean>()
  for (const harm of HARMS) {
    harms.set(harm.name, (path) => {
      const copy = image.fork()
      if (!harm.apply(copy, path, other)) return false
      write(copy)
      return true
    })
  }
  for (const [kind, put] of Object.entries(STRANGERS)) {
    harms.set(kind, (path) => {
      write(image)
      rmSync(join(cli.log, path))
      put(join(cli.log, path))
      return true
    })
  }

  for (const [turn, [harm, apply]] of [...harms].entries()) {
    test(`${name}: ${harm}`, () => {
      const wrong: string[] = []
      const table: string[] = []
      for (const path of filesOf(image, turn)) {
        if (!apply(path)) continue
        const seen = see(path)
        table.push(`${kindOf(path)} ${seen.verify.status} ${seen.inspect.status} ${seen.consume.status}`)
        wrong.push(...faultsOf(path, seen, whole, path === RELAXED[name]).map((fault) => `${path}: ${fault}`))
      }
      console.log(`  ${harm}: file, exit codes of verify, inspect, consume\n    ${table.join('\n    ')}`)
      assert.equal(wrong, [])
    })
  }
}

test.run()
