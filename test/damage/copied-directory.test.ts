/**
 * `cp -r` of a log's directory, its lock file and socket along with it: the copy of a closed log is that log; the copy
 * of one that is open is what a crash at that moment leaves, and no holder of the original keeps it shut. Copied while
 * something is written, files are of different moments: what was acknowledged before is there, or damage is reported by
 * place.
 */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, LogError, open, type RecoveryReport } from '../../bindings/entry/node.ts'

const scratch = mkdtempSync(join(tmpdir(), 'oncelog-copied-'))
test.after(() => rmSync(scratch, { recursive: true }))

let count = 0
const fresh = (): string => join(scratch, `${count++}`)

function copyOf(directory: string): string {
  const copy = fresh()
  execFileSync('cp', ['-r', directory, copy])
  return copy
}

async function values(log: EmbeddedLog): Promise<string[]> {
  const all: string[] = []
  for await (const { offset, value } of log.read('t', { until: 'end' }))
    all.push(`${offset} ${Buffer.from(value ?? [])}`)
  return all
}

async function written(directory: string): Promise<EmbeddedLog> {
  const log = await open(directory)
  await log.admin.createTopic('t', { config: { 'segment.bytes': 2000 } })
  const producer = log.producer()
  for (let index = 0; index < 50; index++) await producer.send({ topic: 't', value: `${index}` })
  await log.producer({ acks: 1 }).send({ topic: 't', value: 'relaxed' })
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await consumer.committed({ topic: 't', partition: 0 })
  await consumer.commit([{ topic: 't', partition: 0, nextOffset: 7 }], { allowSkip: true })
  await consumer.close()
  return log
}

async function committed(log: EmbeddedLog): Promise<unknown> {
  return (await log.admin.describeGroup('g')).offsets.map(({ nextOffset }) => nextOffset)
}

test('of a closed log: the same log, under the same epoch, beside the original', async () => {
  const directory = fresh()
  await (await written(directory)).close()
  const [original, copy] = await Promise.all([open(directory), open(copyOf(directory))])
  try {
    assert.equal([original.role, copy.role, copy.recovery.clean], ['holder', 'holder', true])
    assert.equal(await values(copy), await values(original))
    assert.equal(await committed(copy), [7])
    // What is sent to one of the two logs from now on is not in the other.
    await copy.producer().send({ topic: 't', value: 'copy' })
    await original.producer().send({ topic: 't', value: 'original' })
    assert.is((await values(copy)).at(-1), '51 copy')
    assert.is((await values(original)).at(-1), '51 original')
  } finally {
    await Promise.all([original.close(), copy.close()])
  }
})

test('of an open log at rest: what a crash would leave, whoever its lock file names', async () => {
  const directory = fresh()
  const original = await written(directory)
  try {
    const copied = copyOf(directory)
    assert.match(readFileSync(join(copied, '.lock'), 'utf8'), new RegExp(`"pid":${process.pid},`))
    const copy = await open(copied)
    try {
      assert.equal([copy.role, copy.recovery.clean, copy.recovery.damage], ['holder', false, []])
      assert.equal(await values(copy), await values(original))
      assert.equal(await committed(copy), [7])
      // Above the durable ceiling of its relaxed records, under a new epoch: no offset that a reader saw is given
      // again.
      const { offset } = await copy.producer().send({ topic: 't', value: 'copy' })
      assert.ok(offset > 50, `${offset}`)
      await copy.admin.createTopic('other')
      await original.producer().send({ topic: 't', value: 'original' })
    } finally {
      await copy.close()
    }
    const epochs = readFileSync(join(copied, 't-0/leader-epoch-checkpoint'), 'latin1').trim().split('\n').slice(2)
    assert.is(epochs.length, 2, epochs.join())
    assert.is((await values(original)).at(-1), '51 original')
    assert.not.ok((await original.admin.listTopics()).includes('other'), 'nobody attached to the original')
  } finally {
    await original.close()
  }
})

test('a second open of a copy whose socket nobody serves finds the holder of the copy', async () => {
  const directory = fresh()
  const original = await written(directory)
  const copied = copyOf(directory)
  assert.ok(existsSync(join(copied, '.attach')), 'cp copies sockets')
  const [first, second] = await Promise.all([open(copied), open(copied)])
  assert.equal([first.role, second.role].sort(), ['attached', 'holder'])
  await second.producer().send({ topic: 't', value: 'copy' })
  assert.match((await values(first)).at(-1) ?? '', /copy$/)
  await Promise.all([second.close(), first.close(), original.close()])
})

test('while it is written to: all that was acknowledged before, or damage by its place; never another record', async () => {
  const directory = fresh()
  const original = await written(directory)
  const outcomes: string[] = []
  try {
    const producer = original.producer()
    let isOver = false
    const writing = (async () => {
      for (let index = 0; !isOver; index++)
        await producer.send({ topic: 't', value: `more ${index} ${'x'.repeat(100)}` })
    })()
    try {
      for (let round = 0; round < 8; round++) {
        const before = await values(original)
        const copied = copyInBackground(directory)
        outcomes.push(await judge(await copied, before, () => values(original)))
      }
    } finally {
      isOver = true
      await writing
    }
  } finally {
    await original.close()
  }
  console.log(`  ${outcomes.join(', ')}`)
})

/** Without stopping this process, which writes meanwhile. */
async function copyInBackground(directory: string): Promise<string> {
  const copy = fresh()
  // A file that is given back or removed meanwhile is no more there: cp says so and goes on.
  await new Promise((resolve) => execFile('cp', ['-r', directory, copy], resolve))
  return copy
}

/** A read ends at damage that the open has told of: a segment that was made while `cp` had listed its directory already. */
function refusedByPlace(error: unknown, damage: RecoveryReport['damage']): string[] {
  assert.ok(LogError.is(error, 'CORRUPT_LOG'), String(error))
  const { file } = (error as LogError).details
  assert.ok(
    damage.some((each) => each.file === file),
    `the open didn't tell of ${file}`,
  )
  return []
}

async function judge(copied: string, before: readonly string[], now: () => Promise<string[]>): Promise<string> {
  let copy: EmbeddedLog
  try {
    copy = await open(copied)
  } catch (error) {
    assert.ok(LogError.is(error, 'CORRUPT_LOG'), String(error))
    assert.type((error as LogError).details['file'], 'string')
    return 'refused by place'
  }
  try {
    const { damage } = copy.recovery
    const found = await values(copy).catch((error: unknown) => refusedByPlace(error, damage))
    const all = new Set(await now())
    assert.equal(
      found.filter((each) => !all.has(each)),
      [],
      'records that nobody wrote',
    )
    if (damage.length > 0) {
      assert.ok(damage.every(({ file, position }) => file !== '' && position >= 0))
      return 'damage by place'
    }
    assert.equal(found.slice(0, before.length), before)
    return 'whole'
  } finally {
    await copy.close()
  }
}

test.run()
