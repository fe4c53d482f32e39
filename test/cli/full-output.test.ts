/**
 * Standard output on a full disk: the error tells what was done all the same. Once it had only the system's message,
 * and `produce` seemed to have written nothing.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CommandLine, rows, type Said } from './support.ts'

/** Takes no byte, with the error of a full disk; Linux has it. */
const FULL = '/dev/full'

const cli = new CommandLine()
test.before(() => {
  cli.run(['topics', 'create', 'pay', '--partitions', '2'])
  cli.run(['produce', 'pay', '--partition', '0'], 'a\nb\nc\n')
  cli.run(['consume', 'pay', '--group', 'audit', '--max', '1'])
})
test.after(() => cli.remove())

function runOntoFull(words: readonly string[], input = ''): Said {
  const stdout = openSync(FULL, 'w')
  try {
    const done = spawnSync(process.execPath, cli.words(words), { input, stdio: ['pipe', stdout, 'pipe'] })
    return { status: done.status, out: '', err: done.stderr.toString('utf8') }
  } finally {
    closeSync(stdout)
  }
}

/** The one error, in the form of the log's own. */
function errorOf(said: Said): Record<string, unknown> {
  assert.is(said.status, 1, said.err)
  const [error, ...others] = rows(said.err)
  assert.equal(others, [])
  const { error: code, category } = error ?? {}
  assert.equal({ code, category }, { code: 'FAILED', category: 'fatal' })
  return error ?? {}
}

const REFUSED = "standard output couldn't be written: ENOSPC: no space left on device, write"
const target = join(cli.home, 'target')

const changes = [
  { words: ['produce', 'pay', '--partition', '1'], input: 'd\ne\n', sentence: 'wrote 2 records to pay' },
  { words: ['topics', 'create', 'new'], sentence: 'created new with 1 partition' },
  { words: ['topics', 'delete-records', 'pay', '--before', '1'], sentence: 'deleted records of pay' },
  { words: ['groups', 'reset', 'audit', '--to-latest'], sentence: 'moved audit' },
  { words: ['backup', cli.log, target], sentence: `copied ${cli.log} to ${target}` },
  { words: ['salvage', cli.log, target], sentence: `copied what is intact of ${cli.log} to ${target}` },
]

const onLinux = existsSync(FULL) ? test : test.skip

for (const { words, input, sentence } of changes) {
  onLinux(`${words.slice(0, 2).join(' ').replace(cli.home, '')}: what was done is told, and not to do it again`, () => {
    rmSync(target, { recursive: true, force: true })
    const error = errorOf(runOntoFull([...words, '--json'], input))
    assert.is(error['message'], `${sentence}, but ${REFUSED}`)
    assert.is(error['hint'], "Don't run it again: only its report is missing.")
    assert.equal((error['details'] as { readonly code: string }).code, 'ENOSPC')
  })
}

onLinux('the facts that a program needs are in the details', () => {
  const error = errorOf(runOntoFull(['produce', 'pay', '--json'], 'f\n'))
  assert.equal(error['details'], { code: 'ENOSPC', syscall: 'write', done: { topic: 'pay', records: 1 } })
})

for (const words of [
  ['topics'],
  ['verify'],
  ['inspect', cli.log],
  ['consume', 'pay'],
  ['consume', 'pay', '--follow'],
  ['--help'],
  ['topics', 'create', '--help'],
  ['--version'],
]) {
  onLinux(`${words.join(' ').replace(cli.home, '')}: what only shows something may be run again`, () => {
    const error = errorOf(runOntoFull([...words, '--json']))
    assert.is(error['message'], REFUSED)
    assert.match(error['hint'] as string, /run it again/)
  })
}

onLinux('a dry run has changed nothing', () => {
  const error = errorOf(runOntoFull(['groups', 'reset', 'audit', '--to-earliest', '--dry-run', '--json']))
  assert.is(error['message'], REFUSED)
})

onLinux('consume --group commits nothing that was not written out', () => {
  const places = () => rows(cli.run(['groups', 'describe', 'audit', '--json']).out).slice(1)
  const before = places()
  cli.run(['groups', 'reset', 'audit', '--to-earliest'])
  const offsets = places()
  assert.not.equal(offsets, before)
  assert.is(errorOf(runOntoFull(['consume', 'pay', '--group', 'audit', '--json']))['message'], REFUSED)
  assert.equal(places(), offsets)
})

onLinux('for people it is the sentence and the hint', () => {
  const said = runOntoFull(['produce', 'pay'], 'g\n')
  assert.is(said.status, 1)
  assert.is(
    said.err,
    `FAILED: wrote 1 record to pay, but ${REFUSED}\nDon't run it again: only its report is missing.\n`,
  )
})

test('what the system refuses has category, hint and details as the errors of the log have', () => {
  const path = join(cli.log, 'x'.repeat(300))
  const said = cli.run(['import', path, target, '--json'])
  const { details, ...error } = errorOf(said)
  assert.is(error['hint'], 'Mend what the message names.')
  assert.equal(details, { code: 'ENAMETOOLONG', syscall: 'stat', path })
})

test.run()
