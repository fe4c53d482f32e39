// A real disk without room, a process short of descriptors, a directory that may not be written, through the public
// API.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, LogError, open } from '../../bindings/entry/node.ts'
import { bundleProgram } from './bundled.ts'

const scratch = mkdtempSync(join(tmpdir(), 'oncelog-limits-'))
chmodSync(scratch, 0o755)
test.after(() => rmSync(scratch, { recursive: true, force: true }))
const program = join(scratch, 'limited-program.mjs')
await bundleProgram('test/damage/fixtures/limited-program.ts', program)

/** Who may do nothing in particular. */
const NOBODY = 65_534

interface Said {
  readonly refused: Readonly<Record<string, number>>
  readonly untyped: readonly string[]
  readonly acknowledged: readonly string[]
}

async function recordsOf(log: EmbeddedLog): Promise<string[]> {
  const all: string[] = []
  for (const topic of await log.admin.listTopics()) {
    for await (const { partition, offset, value } of log.read(topic, { until: 'end' }))
      all.push(
        `${topic}/${partition}/${offset}/${Buffer.from(value ?? [])
          .toString()
          .trimEnd()}`,
      )
  }
  return all
}

function mount(place: string, options: string): string | undefined {
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place], { encoding: 'utf8' })
  return done.status === 0 ? undefined : (done.stderr?.trim() ?? 'there is no mount')
}

test('a device that fills up: sends are refused as full, go on once there is room, and all that was acknowledged is there', async () => {
  const place = join(scratch, 'full')
  mkdirSync(place)
  const why = mount(place, 'size=6m')
  if (why !== undefined) return console.log(`NOT RUN: a full device, needs the right to mount a tmpfs (${why})`)
  try {
    const directory = join(place, 'log')
    const log = await open(directory)
    await log.admin.createTopic('t', { partitions: 2 })
    const producers = [log.producer(), log.producer({ acks: 1 })]
    const acknowledged: string[] = []
    const send = async (partition: number, value: string) => {
      const { offset } =
        (await producers[partition]?.send({ topic: 't', partition, value: value.padEnd(50_000) })) ?? {}
      acknowledged.push(`t/${partition}/${offset}/${value}`)
    }
    let refusal: unknown
    for (let count = 0; refusal === undefined; count++)
      await send(count % 2, `${count}`).catch((error) => (refusal = error))
    assert.ok(LogError.is(refusal, 'STORAGE_FULL'), String(refusal))
    assert.ok(acknowledged.length > 20, `${acknowledged.length} before it was full`)
    await log.admin.createTopic('a topic is still decided on'.replaceAll(' ', '-'))
    assert.is(mount(place, 'remount,size=32m'), undefined)
    for (const partition of [0, 1]) await send(partition, `there is room ${partition}`)
    await log.close()
    const again = await open(directory)
    assert.ok(again.recovery.clean)
    const found = await recordsOf(again)
    assert.equal(
      acknowledged.filter((each) => !found.includes(each)),
      [],
    )
    assert.is(new Set(found).size, found.length)
    await again.close()
  } finally {
    spawnSync('umount', ['-l', place])
  }
})

test('a file system that takes no more files: what needs one is refused as full, all else goes on, and it opens so', async () => {
  const place = join(scratch, 'no-more-files')
  mkdirSync(place)
  const why = mount(place, 'size=32m,nr_inodes=80')
  if (why !== undefined) return console.log(`NOT RUN: no more files, needs the right to mount a tmpfs (${why})`)
  let count = 0
  const takeAll = (): void => {
    for (;;) {
      try {
        writeFileSync(join(place, `other-${count++}`), '')
      } catch {
        return
      }
    }
  }
  try {
    const directory = join(place, 'log')
    const log = await open(directory)
    await log.admin.createTopic('t', { partitions: 2 })
    const producer = log.producer()
    await producer.send({ topic: 't', partition: 0, value: 'before' })
    takeAll()
    const refusal = await producer
      .send({ topic: 't', partition: 1, value: 'needs a directory' })
      .catch((error) => error)
    assert.ok(LogError.is(refusal, 'STORAGE_FULL'), String(refusal))
    assert.match(refusal.message, /no room for one more file.*df -i/)
    await producer.send({ topic: 't', partition: 0, value: 'needs none' })
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await consumer.commit([{ topic: 't', partition: 0, nextOffset: 1 }], { allowSkip: true })
    await consumer.close()
    await log.producer({ transactionalId: 'x' }).transaction(async (transaction) => {
      await transaction.send({ topic: 't', partition: 0, value: 'in a transaction' })
    })
    await log.admin.createTopic('u')
    await log.close()
    takeAll()
    // Others attach to it by a file.
    const again = await open(directory)
    assert.ok(again.recovery.clean)
    const attached = await open(directory)
    await attached.producer().send({ topic: 't', partition: 0, value: 'from another' })
    await attached.close()
    spawnSync('sh', ['-c', 'rm other-*'], { cwd: place })
    await again.producer().send({ topic: 't', partition: 1, value: 'there is a file' })
    assert.is((await recordsOf(again)).length, 5)
    await again.close()
  } finally {
    spawnSync('umount', ['-l', place])
  }
})

test('too few descriptors, one more each time: typed refusals, and nothing acknowledged is lost', async () => {
  const directory = join(scratch, 'descriptors')
  const words = ['-c', 'ulimit -n 96 && exec "$0" "$@"', process.execPath, program, 'descriptors', directory]
  const done = spawnSync('sh', words, { encoding: 'utf8' })
  assert.is(done.status, 0, done.stderr)
  const { refused, untyped, acknowledged } = JSON.parse(done.stdout) as Said
  console.log(refused)
  assert.equal(untyped, [])
  assert.ok(
    Object.keys(refused).every((row) => row.startsWith('KAFKA_STORAGE_ERROR')),
    JSON.stringify(refused),
  )
  assert.ok(
    Object.keys(refused).some((row) => row.endsWith('EMFILE')),
    'it was short of them',
  )
  const log = await open(directory)
  const found = await recordsOf(log)
  await log.close()
  assert.equal(
    acknowledged.filter((each) => !found.includes(each)),
    [],
  )
  assert.is(new Set(found).size, found.length)
})

// With 24 of its files open fewer are left than its derived files take side by side, two for each partition, at the
// close.
for (const openFirst of [40, 24]) {
  test(`no descriptor is left for a log of ${openFirst} open files: it closes those that it only might need again, and refuses nothing`, async () => {
    const directory = join(scratch, `none-left-${openFirst}`)
    const noneLeft = join(scratch, 'none-left.mjs')
    await bundleProgram('test/damage/none-left.ts', noneLeft)
    const words = ['-c', 'ulimit -n 160 && exec "$0" "$@"', process.execPath, noneLeft, directory, String(openFirst)]
    const done = spawnSync('sh', words, { encoding: 'utf8' })
    assert.is(done.status, 0, done.stderr)
    const said = JSON.parse(done.stdout) as { readonly refused: string[]; readonly acknowledged: string[] }
    assert.equal(said.refused, [])
    assert.is(said.acknowledged.length, openFirst + 60)
    const log = await open(directory)
    assert.ok(log.recovery.clean)
    const found = new Set(await recordsOf(log))
    await log.close()
    assert.ok(said.acknowledged.every((each) => found.has(each)))
  })
}

const isRoot = process.getuid?.() === 0

function runByNobody(words: readonly string[]) {
  return spawnSync(process.execPath, words, { encoding: 'utf8', ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}) })
}

function readByNobody(directory: string): Said {
  const done = runByNobody([program, 'read', directory])
  assert.is(done.status, 0, done.stderr)
  return JSON.parse(done.stdout) as Said
}

test('a directory that may not be written, or a file in it that may not be read', async () => {
  const { status, error, stderr } = runByNobody(['-e', ''])
  if (status !== 0)
    return console.log(`NOT RUN: another user's directory, can't run a program as one (${error?.message ?? stderr})`)
  const place = join(scratch, 'guarded')
  mkdirSync(place)
  const directory = join(place, 'log')
  const refusals: readonly [what: string, path: string, mode: number][] = [
    ['its parent is not to be written', place, 0o555],
    ['it is not to be written', directory, 0o555],
    ['the journal is not to be read', join(directory, 'journal/header'), 0o000],
    ['the segments are not to be reached', join(directory, 't-0'), 0o000],
  ]
  for (const [what, path, mode] of refusals) {
    if (path !== place) {
      const log = await open(directory)
      if (!(await log.admin.listTopics()).includes('t')) await log.admin.createTopic('t')
      await log.producer().send({ topic: 't', value: what })
      await log.close()
    }
    if (isRoot) spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, place])
    chmodSync(path, mode)
    const said = readByNobody(directory)
    chmodSync(path, 0o700)
    assert.equal(said.untyped, [], what)
    assert.equal(
      Object.keys(said.refused).map((row) => row.replace(/ \w+ /, ' ')),
      ['KAFKA_STORAGE_ERROR EACCES'],
      what,
    )
  }
  const log = await open(directory)
  assert.is((await recordsOf(log)).length, 3, 'nothing is lost')
  await log.close()
})

test.run()
