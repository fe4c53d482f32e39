// Several `oncelog consume --group` at once: they share the partitions, and none ends because another one comes or
// goes.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { CommandLine, ended, rows, type Said } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

const PARTITIONS = 4
/** More than the pipe between two processes holds: a run whose output nobody reads stands still. */
const RECORDS = 40_000
const STOPPED_MS = 1000

cli.run(['topics', 'create', 't', '--partitions', `${PARTITIONS}`])
cli.run(['produce', 't', '--key-separator', ':'], Array.from({ length: RECORDS }, (_, at) => `k${at}:${at}`).join('\n'))

interface Run {
  readonly child: ChildProcess
  /** Reads its output from now on. */
  finish(): Promise<Said>
}

/**
 * Holds the log: what it shows first says that it has it open. Its members end with it, and join the next holder's
 * group anew.
 */
async function startHolder(group: string): Promise<Run> {
  const run = start(group)
  await once(run.child.stdout as NodeJS.ReadableStream, 'readable')
  return run
}

/** Stands still once it has filled the pipe. */
function start(group: string): Run {
  const child = cli.start(['consume', 't', '--group', group, '--json'])
  child.stdin?.end()
  child.stdout?.pause()
  return {
    child,
    finish() {
      const said = ended(child)
      child.stdout?.resume()
      return said
    },
  }
}

async function membersOf(group: string, wanted: (shares: readonly number[]) => boolean): Promise<void> {
  const log = await open(cli.log)
  try {
    for (;;) {
      const found = (await log.admin.listGroups()).some(({ groupId }) => groupId === group)
      const members = found ? (await log.admin.describeGroup(group)).members : []
      if (wanted(members.map(({ partitions }) => partitions.length))) return
      // Nothing tells another process who joined a group; the runs beside need the processor.
      await new Promise((resume) => setTimeout(resume, 20))
    }
  } finally {
    await log.close()
  }
}

function placesIn({ out }: Said): string[] {
  return rows(out).map(({ partition, offset }) => `${partition}:${offset}`)
}

function lagOf(group: string): number {
  const [, ...offsets] = rows(cli.run(['groups', 'describe', group, '--json']).out)
  assert.is(offsets.length, PARTITIONS)
  return offsets.reduce((sum, { lag }) => sum + Number(lag), 0)
}

test('a second run takes over a share of the first, and each record is shown once', async () => {
  const first = await startHolder('two')
  const second = start('two')
  await membersOf('two', (shares) => shares.length === 2)
  const [a, b] = await Promise.all([first.finish(), second.finish()])
  assert.equal([a.status, a.err, b.status, b.err], [0, '', 0, ''])
  const places = [...placesIn(a), ...placesIn(b)]
  assert.is(new Set(places).size, RECORDS)
  assert.is(places.length, RECORDS, 'none came twice')
  assert.ok(placesIn(b).length > 0, 'the second one had a share')
  assert.is(lagOf('two'), 0)
})

test('the run that holds the log ends: the other one goes on after what it has written out', async () => {
  const holder = await startHolder('end')
  const other = start('end')
  await membersOf('end', (shares) => shares.length === 2)
  const a = await holder.finish()
  const b = await other.finish()
  assert.equal([a.status, a.err, b.status, b.err], [0, '', 0, ''])
  const places = [...placesIn(a), ...placesIn(b)]
  assert.is(new Set(places).size, RECORDS)
  assert.is(places.length, RECORDS, 'none came twice')
  assert.is(lagOf('end'), 0)
})

test('another process that held the log ends: both runs go on, and each record is shown once', async () => {
  const holder = await open(cli.log)
  assert.is(holder.role, 'holder')
  const runs = [start('moved'), start('moved')]
  await membersOf('moved', (shares) => shares.length === 2)
  const ends = runs.map((run) => run.finish())
  await holder.close()
  // So the other one has all partitions for a while: what this one had written out must be committed by now.
  runs[1]?.child.kill('SIGSTOP')
  setTimeout(() => runs[1]?.child.kill('SIGCONT'), STOPPED_MS)
  const said = await Promise.all(ends)
  assert.equal(
    said.flatMap(({ status, err }) => [status, err]),
    [0, '', 0, ''],
  )
  const places = said.flatMap(placesIn)
  assert.is(new Set(places).size, RECORDS)
  assert.is(places.length, RECORDS, 'none came twice')
  assert.is(lagOf('moved'), 0)
})

test('the holder is killed and a run gets a signal: what it has written out is committed all the same', async () => {
  const holder = await startHolder('of-another-group')
  const run = start('signal')
  await once(run.child.stdout as NodeJS.ReadableStream, 'readable')
  holder.child.kill('SIGKILL')
  await once(holder.child, 'exit')
  run.child.kill('SIGINT')
  const said = await run.finish()
  assert.equal([said.status, said.err], [130, ''])
  const shown = new Map(rows(said.out).map(({ partition, offset }) => [partition, Number(offset) + 1]))
  assert.ok(shown.size > 0)
  const [, ...offsets] = rows(cli.run(['groups', 'describe', 'signal', '--json']).out)
  const committed = new Map(offsets.map(({ partition, nextOffset }) => [partition, nextOffset]))
  for (const [partition, nextOffset] of shown) assert.is(committed.get(partition), nextOffset, `partition ${partition}`)
})

test('a run is killed: what it had, and what it had not committed, the other one shows', async () => {
  const killed = await startHolder('kill')
  const other = start('kill')
  await membersOf('kill', (shares) => shares.length === 2)
  killed.child.kill('SIGKILL')
  const b = await other.finish()
  assert.equal([b.status, b.err], [0, ''])
  const seen = new Set([...placesIn(b)])
  assert.is(seen.size, placesIn(b).length, 'nothing comes twice out of one run')
  assert.is(lagOf('kill'), 0)
  // It had committed no more than what was in the pipe.
  assert.ok(seen.size > RECORDS / 2, `${seen.size}`)
})

test.run()
