/** `oncelog import`: tables, lines of JSON, exit codes, a dry run. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CommandLine, rows } from '../cli/support.ts'
import { batch, commit, IDS, KafkaSource } from './kafka-source.ts'
import { placeDisk } from './place-disk.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

function broker(name: string): string {
  const { key, value } = commit(['g', 'pay', 0], 2)
  const source = new KafkaSource(false)
    .partition('pay-0', IDS[0], batch(0, { values: ['ada', 'bob'] }), batch(4, { values: ['eve'] }), new Uint8Array(99))
    .partition('other-0', IDS[2], batch(0, { values: ['x'] }))
    .partition('__consumer_offsets-0', IDS[1], batch(0, { keys: [key], values: [value] }))
  return placeDisk(source.disk, join(cli.home, name))
}

test('what it brought and what it left out, as tables and as JSON', () => {
  const source = broker('one')
  const target = join(cli.home, 'one-target')
  const { status, out, err } = cli.run(['import', source, target, '--json'])
  assert.equal([status, err], [0, ''])
  const [counts, ...lines] = rows(out)
  assert.equal(counts, { topics: 2, partitions: 2, records: 4, groups: 1, leftOut: 2, stopped: 'killed' })
  const partitions = lines.flatMap((line) => (line['partition'] === undefined ? [] : [line['partition'] as object]))
  const [{ sizeBytes, ...pay }] = partitions.filter((each) => 'topic' in each && each.topic === 'pay') as [
    Record<string, unknown>,
  ]
  assert.equal(pay, { topic: 'pay', partition: 0, logStartOffset: 0, nextOffset: 5, records: 3, batches: 2 })
  assert.type(sizeBytes, 'number')
  assert.equal(
    lines.filter((line) => 'group' in line),
    [{ group: { groupId: 'g', offsets: 1 } }],
  )
  const consumed = rows(cli.run(['--dir', target, 'consume', 'pay', '--json']).out)
  assert.equal(
    consumed.map(({ offset, value }) => [offset, value]),
    [
      [0, 'ada'],
      [1, 'bob'],
      [4, 'eve'],
    ],
  )
  assert.is(cli.run(['verify', target]).status, 0)
  const again = cli.run(['import', source, target])
  assert.is(again.status, 2)
  assert.match(again.err, /must be empty/)
})

test("an open of the broker's directory says what takes it; it sent to salvage", () => {
  const source = broker('opened')
  for (const words of [['topics'], ['produce', 'pay'], ['topics', 'create', 'new']]) {
    const { status, err } = cli.run(['--dir', source, ...words])
    assert.is(status, 1)
    assert.match(err, /^CORRUPT_LOG: the directory is a Kafka broker's \(meta\.properties\): `oncelog import` makes/)
  }
})

test("a broker's directory that has no partition yet is refused too; a log was made in it", () => {
  const source = join(cli.home, 'new-broker')
  mkdirSync(source)
  writeFileSync(join(source, 'meta.properties'), 'version=1\n')
  const { status, err } = cli.run(['--dir', source, 'topics', 'create', 'new'])
  assert.is(status, 1)
  assert.match(err, /^CORRUPT_LOG: the directory is a Kafka broker's \(meta\.properties\): `oncelog import` makes/)
  assert.equal(
    readdirSync(source).filter((name) => name !== '.lock'),
    ['meta.properties'],
  )
})

test('--topic brings one, --dry-run writes nothing, people get tables', () => {
  const source = broker('two')
  const target = join(cli.home, 'two-target')
  const dry = cli.run(['import', source, target, '--topic', 'other', '--dry-run'])
  assert.is(dry.status, 0)
  assert.match(dry.out, /│ topics │ partitions │ records │/)
  assert.match(dry.out, /__consumer_offsets/)
  assert.not.ok(existsSync(target))
  assert.is(cli.run(['import', source, target, '--topic', 'other', '--no-groups']).status, 0)
  assert.equal(
    rows(cli.run(['--dir', target, 'topics', 'list', '--json']).out).map(({ name }) => name),
    ['other'],
  )
})

test('damage exits with 1 and its place; left out, it exits with 1 and says what is missing', () => {
  const spoilt = batch(0, { values: ['x'] })
  spoilt[spoilt.length - 1] = 0xff
  const source = placeDisk(new KafkaSource().partition('t-0', IDS[0], spoilt).disk, join(cli.home, 'three'))
  const target = join(cli.home, 'three-target')
  const refused = cli.run(['import', source, target])
  assert.is(refused.status, 1)
  assert.match(refused.err, /CORRUPT_MESSAGE: t-0 at offset 0 \(byte 0 of t-0\/0{20}\.log\)/)
  const unfinished = cli.run(['--dir', target, 'topics', 'list'])
  assert.match(unfinished.err, /COPY_UNFINISHED/)
  const other = join(cli.home, 'three-other')
  const { status, out } = cli.run(['import', source, other, '--leave-out-damaged', '--json'])
  assert.is(status, 1)
  assert.ok(rows(out).some((line) => (line['leftOut'] as Record<string, unknown>)?.['isLoss'] === true))
})

test('after a kill, a cut with whole batches after it is still imported and exits with 1; a torn end with 0', () => {
  const [first, second, third] = [0, 1, 2].map((offset) => batch(offset, { values: ['x'] })) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const flipped = second.map((byte, at) => (at === second.length - 1 ? 0xff : byte))
  const kill = (...batches: Uint8Array[]) => new KafkaSource(false).partition('t-0', IDS[0], ...batches).disk
  const damaged = placeDisk(kill(first, flipped, third), join(cli.home, 'five'))
  const { status, out } = cli.run(['import', damaged, join(cli.home, 'five-target'), '--json'])
  assert.is(status, 1)
  const cut = rows(out).find((line) => 'leftOut' in line && typeof line['leftOut'] === 'object')?.['leftOut'] as Record<
    string,
    unknown
  >
  assert.equal(
    [cut['file'], cut['position'], cut['offset'], cut['isLoss']],
    ['t-0/00000000000000000000.log', first.length, 1, true],
  )
  assert.is(cli.run(['--dir', join(cli.home, 'five-target'), 'verify']).status, 0)
  assert.is(
    cli.run(['import', placeDisk(kill(first, flipped), join(cli.home, 'six')), join(cli.home, 'six-target')]).status,
    0,
  )
})

test('a plain file with the name of a partition is passed over, as a start of Kafka does', () => {
  const source = broker('eight')
  writeFileSync(join(source, 'notes-0'), 'x')
  const { status, out } = cli.run(['import', source, join(cli.home, 'eight-target'), '--json'])
  assert.is(status, 0)
  assert.not.match(out, /notes/)
  const alone = join(cli.home, 'nine')
  mkdirSync(alone)
  for (const name of ['meta.properties', 'notes-0']) writeFileSync(join(alone, name), 'version=1\n')
  const refused = cli.run(['import', alone, join(cli.home, 'nine-target')])
  assert.is(refused.status, 2)
  assert.match(refused.err, /holds no partition of a Kafka broker/)
})

test('a call that must be mended', () => {
  const source = broker('four')
  const empty = join(cli.home, 'empty')
  mkdirSync(empty)
  const photos = join(cli.home, 'pictures')
  mkdirSync(join(photos, 'photos-2024'), { recursive: true })
  writeFileSync(join(photos, 'photos-2024', 'one.jpg'), 'x')
  const before = readdirSync(source, { recursive: true }).length
  for (const [words, message] of [
    [[join(cli.home, 'none'), join(cli.home, 'x')], /no directory/],
    [[empty, join(cli.home, 'x')], new RegExp(`${empty} holds no partition of a Kafka broker`)],
    [[photos, join(cli.home, 'x')], new RegExp(`${photos} holds no partition of a Kafka broker`)],
    [[join(source, 'meta.properties'), join(cli.home, 'x')], /is no directory/],
    [[source, join(source, 'inside')], /must lie outside/],
    [[source], /missing required argument/],
  ] as const) {
    const { status, err } = cli.run(['import', ...words])
    assert.is(status, 2, err)
    assert.match(err, message)
  }
  assert.is(readdirSync(source, { recursive: true }).length, before)
})

test('an empty name, as a variable of a script may have it, is no target: the log was made in the working directory', async () => {
  const source = broker('seven')
  const here = join(cli.home, 'here')
  mkdirSync(here)
  const { status, err } = await cli.runIn(here, ['import', source, ''])
  assert.equal([status, readdirSync(here)], [2, []])
  assert.match(err, /the directory must be a path/)
})

test('killed before it had copied anything, it has begun all the same: the directory was called one without a log', () => {
  const target = join(cli.home, 'begun')
  mkdirSync(target)
  writeFileSync(join(target, 'unfinished-copy'), '')
  for (const words of [['topics'], ['produce', 'pay']])
    assert.match(cli.run(['--dir', target, ...words]).err, /COPY_UNFINISHED/)
})

test.run()
