// On a terminal: bars and tables that fit, and nothing left behind. A pseudo terminal comes from script(1) of
// util-linux.

import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { until } from '../until.ts'
import { Screen } from './screen.ts'
import { CommandLine, ended, type Said } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

const COLUMNS = 60
/** Of one byte each: some tenths of a second of work even where the disk takes no time. */
const RECORDS = 1_500_000
const long = join(cli.home, 'long.txt')

const hasTerminal = spawnSync('script', ['--version']).error === undefined
if (!hasTerminal) console.log('NOT RUN: what a terminal shows, needs script(1)')

interface OnTerminal {
  /** Sends what is typed. */
  type(keys: string): void
  readonly shown: () => string
  readonly said: Promise<Said>
}

function onTerminal(args: readonly string[]): OnTerminal {
  const words = [process.execPath, ...cli.words(args)].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qefc', `stty cols ${COLUMNS} rows 24 -echo; exec ${words}`, '/dev/null'])
  let shown = ''
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString('utf8')
  })
  return { type: (keys) => child.stdin.write(keys), shown: () => shown, said: ended(child) }
}

async function screenOf(args: readonly string[]): Promise<{ status: number | null; screen: Screen }> {
  const { said } = onTerminal(args)
  const { status, out } = await said
  return { status, screen: new Screen(out) }
}

if (hasTerminal) {
  test.before(() => {
    cli.run(['topics', 'create', 'long'])
    writeFileSync(long, '\n'.repeat(RECORDS))
  })

  test('a long produce draws a bar within the width, and takes it away', async () => {
    const { status, screen } = await screenOf(['produce', 'long', '--file', long])
    assert.is(status, 0)
    const bars = screen.drawn.filter((text) => text.startsWith('produce '))
    assert.ok(bars.length > 1, screen.drawn.join('\n'))
    for (const bar of bars) {
      assert.match(bar, /^produce =*-* \d+% of 1\.5 MB(, \d+ s left)?$/)
      assert.ok(bar.length <= COLUMNS, bar)
    }
    assert.equal(screen.lines, [`wrote ${RECORDS} records to long`])
  })

  test('verify takes its bar away too, and shows what it looked at', async () => {
    const { status, screen } = await screenOf(['verify'])
    assert.is(status, 0)
    assert.match(screen.lines.join('\n'), /^partitions {2}\d+\nsegments .*\ndamage {6}0\nno damage found$/s)
    assert.ok(screen.lines.every((line) => !line.includes('%')))
  })

  test('SIGINT from the keyboard: the bar goes, what was read is written, and no order to the terminal stays in force', async () => {
    const { type, shown, said } = onTerminal(['produce', 'long', '--file', long])
    await until(() => shown().includes('% of'))
    type('\x03')
    const { status, out } = await said
    assert.is(status, 130)
    const [line, ...others] = new Screen(out.replaceAll('^C', '')).lines
    assert.match(line ?? '', /^wrote \d+ records to long$/)
    assert.equal(others, [])
  })

  test('a table that is too wide becomes a line for each field; errors are as short', async () => {
    const partition = readdirSync(cli.log).find((name) => name.startsWith('long-')) ?? ''
    const { screen } = await screenOf(['inspect', join(cli.log, partition, '00000000000000000000.timeindex')])
    assert.match(screen.lines[0] ?? '', /^┌─+/)
    const wide = await screenOf(['inspect', join(cli.log, partition, '00000000000000000000.log')])
    assert.match(wide.screen.lines.slice(0, 3).join('\n'), /^position +0\nsizeBytes +\d+\nbaseOffset +0$/)
    assert.ok(wide.screen.lines.every((line) => line.length <= COLUMNS))
    const missing = await screenOf(['consume', 'none'])
    assert.is(missing.status, 2)
    assert.is(missing.screen.lines.length, 2)
  })

  test('help fills the width and no more', async () => {
    const { screen } = await screenOf(['consume', '--help'])
    const prose = screen.lines.filter((line) => !line.startsWith(' '))
    assert.ok(
      prose.every((line) => line.length <= COLUMNS),
      prose.join('\n'),
    )
    assert.ok(prose.some((line) => line.length > COLUMNS - 12))
  })
}

test.run()
