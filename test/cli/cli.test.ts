// What a user sees: records in and out, exit codes, hints instead of stack traces.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { TOPIC_CONFIG_KEYS } from '../../bindings/model/topic-config.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { CommandLine, rows } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

test('create, produce, consume: what went in comes out, as JSON a line', () => {
  assert.equal(rows(cli.run(['topics', 'create', 'pay', '--partitions', '2', '--json']).out), [
    { topic: 'pay', created: true, partitions: 2 },
  ])
  assert.is(cli.run(['produce', 'pay', '--key-separator', ':'], 'ada:1\nbob:2\n').out, 'wrote 2 records to pay\n')
  const { status, out } = cli.run(['consume', 'pay', '--json'])
  assert.is(status, 0)
  const seen = rows(out).map(({ key, value }) => `${key}=${value}`)
  assert.equal(seen.sort(), ['ada=1', 'bob=2'])
})

test('create --if-not-exists leaves a topic that is there as it is; without it that is an error', () => {
  const words = ['topics', 'create', 'once', '--if-not-exists', '--json']
  assert.equal(rows(cli.run(words).out), [{ topic: 'once', created: true, partitions: 1 }])
  const again = cli.run([...words, '--partitions', '3', '--config', 'retention.ms=1'])
  assert.equal(rows(again.out), [{ topic: 'once', created: false, partitions: 1 }])
  const once = rows(cli.run(['topics', 'list', '--json']).out).find(({ name }) => name === 'once')
  assert.equal(once?.['config'], {})
  assert.match(cli.run(words.slice(0, -1)).out, /^found once with 1 partition\n$/)
  const strict = cli.run(['topics', 'create', 'once', '--json'])
  assert.equal([strict.status, rows(strict.err)[0]?.['error']], [2, 'TOPIC_ALREADY_EXISTS'])
  cli.run(['topics', 'delete', 'once'])
})

test('topics list and describe show what alter has changed', () => {
  assert.is(cli.run(['topics', 'alter', 'pay', '--config', 'segment.bytes=1000000']).status, 0)
  const [pay] = rows(cli.run(['topics', 'list', '--json']).out)
  assert.equal([pay?.['name'], pay?.['partitions'], pay?.['config']], ['pay', 2, { 'segment.bytes': '1000000' }])
  const [topic, ...partitions] = rows(cli.run(['topics', 'describe', 'pay', '--json']).out)
  assert.equal(topic, pay, 'the same facts as in the list')
  assert.is(
    partitions.reduce((sum, row) => sum + Number(row['nextOffset']), 0),
    2,
  )
  assert.match(cli.run(['topics', 'describe', 'pay']).out, /│ topic │ partition │ logStartOffset │ nextOffset │/)
})

test('alter without anything to alter, or a key without =, changes nothing; nor does a config that is refused add partitions', () => {
  cli.run(['topics', 'create', 'kept', '--config', 'retention.ms=-1'])
  for (const words of [[], ['--config', 'retention.ms'], ['--config', 'retention.days=1', '--partitions', '3']]) {
    const { status, err } = cli.run(['topics', 'alter', 'kept', ...words, '--json'])
    assert.is(status, 2, words.join(' '))
    assert.match(String(rows(err)[0]?.['error']), /^INVALID_(REQUEST|CONFIG)$/)
  }
  const kept = rows(cli.run(['topics', 'list', '--json']).out).find(({ name }) => name === 'kept')
  assert.equal([kept?.['partitions'], kept?.['config']], [1, { 'retention.ms': '-1' }])
})

test('records before an offset are deleted, in the partitions named or in all', () => {
  cli.run(['topics', 'create', 'old', '--partitions', '2'])
  cli.run(['produce', 'old', '--key-separator', ':'], 'a:1\nb:2\nc:3\nd:4\ne:5\nf:6\n')
  const describe = () => rows(cli.run(['topics', 'describe', 'old', '--json']).out).slice(1)
  const ends = describe().map(({ nextOffset }) => Number(nextOffset))
  assert.ok(
    ends.every((end) => end > 0),
    ends.join(),
  )
  const one = cli.run(['topics', 'delete-records', 'old', '--before', 'latest', '--partitions', '0', '--json'])
  assert.equal(rows(one.out), [{ topic: 'old', partition: 0, logStartOffset: ends[0] }])
  assert.is(rows(cli.run(['consume', 'old', '--json']).out).length, ends[1])
  const beyond = cli.run(['topics', 'delete-records', 'old', '--before', '99', '--json'])
  assert.equal([beyond.status, rows(beyond.err)[0]?.['error']], [2, 'OFFSET_OUT_OF_RANGE'])
  assert.is(cli.run(['topics', 'delete-records', 'old']).status, 2, 'where to is to be said')
  assert.match(cli.run(['topics', 'delete-records', 'old', '--before', 'latest']).out, /│ old\s+│\s+1 │/)
  assert.equal(
    describe().map(({ logStartOffset }) => logStartOffset),
    ends,
  )
  assert.is(cli.run(['consume', 'old', '--json']).out, '')
})

test('records of several topics are deleted at once, of all or of none; a name or number that comes twice counts once', () => {
  for (const name of ['one', 'two']) {
    cli.run(['topics', 'create', name, '--partitions', '2'])
    cli.run(['produce', name, '--partition', '1'], 'a\nb\n')
  }
  const words = ['topics', 'delete-records', 'one', 'two', 'one', '--partitions', '1,0,1', '--json']
  assert.is(cli.run([...words, '--before', '2']).status, 2, 'their partition 0 is empty')
  assert.is(rows(cli.run(['consume', 'one', '--json']).out).length, 2)
  assert.equal(rows(cli.run([...words, '--before', 'latest']).out), [
    { topic: 'one', partition: 1, logStartOffset: 2 },
    { topic: 'one', partition: 0, logStartOffset: 0 },
    { topic: 'two', partition: 1, logStartOffset: 2 },
    { topic: 'two', partition: 0, logStartOffset: 0 },
  ])
  for (const name of ['one', 'two']) cli.run(['topics', 'delete', name])
})

test('list --topic takes a regular expression of the whole name', () => {
  for (const name of ['pay.eu', 'pay.us', 'prepay.eu']) cli.run(['topics', 'create', name])
  const listed = (...words: string[]) => rows(cli.run(['topics', ...words, '--json']).out).map(({ name }) => name)
  assert.equal(listed('list', '--topic', 'pay\\..*'), ['pay.eu', 'pay.us'])
  assert.equal(listed('--topic', 'pay.us|prepay.eu'), ['pay.us', 'prepay.eu'])
  assert.equal(listed('list', '--topic', 'pay.e'), [])
  const wrong = cli.run(['topics', 'list', '--topic', '('])
  assert.is(wrong.status, 2)
  assert.match(wrong.err, /must be a name or a regular expression/)
  for (const name of ['pay.eu', 'pay.us', 'prepay.eu']) cli.run(['topics', 'delete', name])
})

test('config shows every key: what the topic sets, and the default of the others; it may be set before the name', () => {
  cli.run(['topics', 'create', '--config', 'retention.ms=5', '--config', 'cleanup.policy=delete', 'set'])
  const entries = rows(cli.run(['topics', 'config', 'set', '--json']).out)
  assert.equal(
    entries.map(({ key }) => key),
    TOPIC_CONFIG_KEYS,
  )
  const own = entries.filter(({ source }) => source === 'DYNAMIC_TOPIC_CONFIG')
  assert.equal(own.map(({ key, value }) => [key, value]).sort(), [
    ['cleanup.policy', 'delete'],
    ['retention.ms', '5'],
  ])
  const segment = { topic: 'set', key: 'segment.bytes', value: '1073741824', source: 'DEFAULT_CONFIG' }
  assert.equal(
    entries.find(({ key }) => key === 'segment.bytes'),
    segment,
  )
  assert.equal(
    [cli.run(['topics', 'config', 'none']).status, cli.run(['topics', 'config', '__consumer_offsets']).status],
    [2, 2],
  )
  cli.run(['topics', 'delete', 'set'])
})

test('a group goes on where it committed, and --max commits what was shown', () => {
  assert.is(rows(cli.run(['consume', 'pay', '--group', 'g', '--json', '--max', '1']).out).length, 1)
  assert.is(rows(cli.run(['consume', 'pay', '--group', 'g', '--json']).out).length, 1)
  assert.is(cli.run(['consume', 'pay', '--group', 'g', '--json']).out, '')
  assert.is(rows(cli.run(['consume', 'pay', '--json']).out).length, 2, 'without a group nothing is committed')
})

test('control characters never reach the terminal, and bytes that are no text are said so', () => {
  cli.run(['topics', 'create', 'odd'])
  cli.run(['produce', 'odd'], Buffer.concat([Buffer.from('\x1b[31mred\u202e\n'), Buffer.from([0xff, 0x41, 0x0a])]))
  const { out } = cli.run(['consume', 'odd'])
  assert.is(out, '0:0\t\t\\x1b[31mred\\u{202e}\n0:1\t\t\\xffA\n')
  assert.equal(rows(cli.run(['consume', 'odd', '--json']).out).at(-1)?.['value'], { base64: '/0E=' })
})

test('a call that must be mended exits with 2 and says how, without a stack trace', () => {
  const missing = cli.run(['produce', 'nowhere'], 'x\n')
  assert.is(missing.status, 2)
  assert.match(missing.err, /^UNKNOWN_TOPIC_OR_PARTITION: .*\n.*\n$/)
  const json = cli.run(['consume', 'nowhere', '--json'])
  assert.is(json.status, 2)
  assert.is(rows(json.err)[0]?.['error'], 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.is(cli.run(['frobnicate']).status, 2)
  for (const parent of ['topics', 'groups', 'share-groups', 'transactions']) {
    const { status, err } = cli.run([parent, 'descirbe', 'x'])
    assert.is(status, 2)
    assert.match(err, /^error: unknown command 'descirbe'\n\(Did you mean describe\?\)\n/)
    assert.match(cli.run([parent, 'mailer']).err, /^error: unknown command 'mailer'\n\(It has list, describe, /)
    assert.match(cli.run([parent, 'list', 'x']).err, /^error: list takes no arguments, got 1\n/)
    assert.match(cli.run([parent]).err, /^$/)
  }
  const unknown = cli.run(['frobnicate', '--json'])
  assert.equal([unknown.status, rows(unknown.err)[0]?.['error']], [2, 'INVALID_REQUEST'])
  for (const words of [
    ['--max', 'many'],
    ['--from', 'yesterday'],
    ['--group', 'g', '--follow'],
    ['--group', 'g', '--from', 'latest'],
    ['--partition', '9'],
  ]) {
    const { status, err } = cli.run(['consume', 'pay', ...words])
    assert.is(status, 2, words.join(' '))
    assert.not.match(err, /\n {4}at /)
  }
})

test('an error that sends to its details has what is wrong there; they were empty', () => {
  for (const [words, at] of [
    [['topics', 'alter', 'pay'], { argument: 'what' }],
    [['topics', 'alter', 'pay', '--config', 'retention.ms'], { option: 'config' }],
    [['produce', 'pay', '--file', join(cli.home, 'none')], { option: 'file' }],
    [['produce', 'pay', '--file', cli.home], { option: 'file' }],
    [['produce', 'pay', '--key-separator', ''], { option: 'keySeparator' }],
    [['produce', 'pay', '--key-field', 'id'], { option: 'keyField' }],
    [['produce', 'pay', '--format', 'csv', '--key-separator', ':'], { option: 'keySeparator' }],
  ] as const) {
    const { status, err } = cli.run([...words, '--json'])
    assert.is(status, 2, words.join(' '))
    const [said] = rows(err)
    assert.equal([said?.['error'], said?.['details']], ['INVALID_REQUEST', at], words.join(' '))
  }
})

test('with --json a call without a command is an error that a program can read; it got the help', () => {
  for (const words of [[], ['help', 'frobnicate']]) {
    const { status, out, err } = cli.run([...words, '--json'])
    const [error, ...others] = rows(err)
    assert.equal([status, out, others], [2, '', []])
    assert.equal([error?.['error'], error?.['hint']], ['INVALID_REQUEST', '--help says more'])
    assert.match(cli.run(words).err, /^Usage: oncelog /)
  }
})

test("the caller's own words reach the terminal without escapes, too", () => {
  for (const words of [
    ['frob\x1b[31m'],
    ['topics', 'de\x1b[31m'],
    ['topics', '--no\x1b[31m'],
    ['consume', 'pay', '--max', '\u202e1'],
  ]) {
    const { status, err } = cli.run(words)
    assert.is(status, 2)
    assert.match(err, /^error: .*\\(x1b|u\{202e\})/)
    assert.not.ok(err.includes('\x1b') || err.includes('\u202e'), err)
  }
})

test('topics create tells what its opening found, as every other command does', async () => {
  const directory = join(cli.home, 'found')
  const image = new DirectoryImage()
  const log = await openLog(image, nodePort)
  await log.admin.createTopic('pay')
  await log.producer().send({ topic: 'pay', value: 'x' })
  image.fork().writeTo(directory)
  await log.close()
  writeFileSync(join(directory, 'pay-0/partition.metadata'), 'nothing')
  const { status, err } = cli.run(['--dir', directory, 'topics', 'create', 'new'])
  assert.equal([status, /^damage: pay-0\/partition\.metadata/.test(err)], [1, true], err)
})

test('a directory that is not there is no empty log, and another one gets no files', () => {
  const elsewhere = join(cli.home, 'slip')
  for (const words of [['topics'], ['consume', 'pay'], ['produce', 'pay'], ['verify']]) {
    assert.is(cli.run(['--dir', elsewhere, ...words]).status, 2, words.join(' '))
  }
  assert.not.ok(existsSync(elsewhere))
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'notes.txt'), 'mine')
  for (const words of [
    ['topics'],
    ['consume', 'pay'],
    ['consume', 'pay', '--follow'],
    ['produce', 'pay'],
    ['verify'],
  ]) {
    for (const directory of [elsewhere, join(elsewhere, 'notes.txt')]) {
      const { status, err } = cli.run(['--dir', directory, ...words])
      assert.equal([status, err.split('\n').length], [2, 2], err)
      assert.match(err, /name the log's with --dir/)
    }
  }
  assert.equal(readdirSync(elsewhere), ['notes.txt'])
})

test('an empty name of the directory, as ONCELOG_DIR may have it, is told by every command with what to do', () => {
  for (const words of [['topics'], ['topics', 'create', 'x'], ['produce', 'pay'], ['groups'], ['verify']]) {
    const { status, err } = cli.run(['--dir', '', ...words])
    assert.is(status, 2)
    assert.match(err, /the name of the directory is empty: name the log's with --dir/)
  }
})

test('where the directory is an argument, no advice names --dir', () => {
  const none = join(cli.home, 'none')
  for (const words of [
    ['verify', none],
    ['backup', none, `${none}-copy`],
    ['salvage', none, `${none}-copy`],
  ]) {
    const { status, err } = cli.run(words)
    assert.equal([status, /--dir/.test(err)], [2, false], err)
  }
  assert.match(cli.run(['--dir', none, 'verify']).err, /name the log's with --dir/)
  cli.run(['topics', 'create', 'single'])
  assert.is(cli.run(['produce', 'single'], 'x\n').out, 'wrote 1 record to single\n')
})

test('every command helps, with an example', () => {
  assert.match(cli.run(['--help']).out, /Exit codes/)
  for (const command of ['consume', 'produce', 'inspect', 'verify']) {
    assert.match(cli.run([command, '--help']).out, /Examples?:\n {2}\S*.*oncelog/, command)
  }
})

test('inspect shows batches, records, indexes, the journal and checkpoints', () => {
  const partition = readdirSync(cli.log).find((name) => name.startsWith('odd-')) ?? ''
  const segment = join(cli.log, partition, '00000000000000000000.log')
  const [batch] = rows(cli.run(['inspect', segment, '--json']).out)
  assert.equal([batch?.['baseOffset'], batch?.['records'], batch?.['fault']], [0, 2, ''])
  const records = rows(cli.run(['inspect', segment, '--contents', '--json']).out)
  assert.equal(
    records.map(({ offset }) => offset),
    [0, 1],
  )
  assert.equal(records[1]?.['value'], { base64: '/0E=' }, 'what is no text is not made one')
  const [time] = rows(cli.run(['inspect', segment.replace(/log$/, 'timeindex'), '--json']).out)
  assert.equal([time?.['timestamp'], time?.['offset']], [batch?.['maxTimestamp'], 1])
  const frames = rows(cli.run(['inspect', join(cli.log, 'journal/00000000.ring'), '--json']).out)
  assert.ok(
    frames.length > 0 && frames.every((frame) => /^(batches|decision|producerIds) /.test(String(frame['entries']))),
  )
  const [, header] = rows(cli.run(['inspect', join(cli.log, 'journal/header'), '--json']).out)
  assert.type(header?.['ringFileBytes'], 'number')
  const checkpoints = readdirSync(join(cli.log, 'checkpoint')).map((name) => join(cli.log, 'checkpoint', name))
  const noted = checkpoints.flatMap((path) => rows(cli.run(['inspect', path, '--json']).out))
  assert.ok(noted.some(({ nextOffset, segments }) => nextOffset === 2 && segments === 1))
  const files = rows(cli.run(['inspect', cli.log, '--json']).out).map(({ file }) => file)
  assert.ok(files.includes(`${partition}/00000000000000000000.log`))
  assert.is(cli.run(['inspect', join(cli.log, '.lock')]).status, 2)
})

test('inspect exits with 1 for a copy of the header that is not whole', () => {
  const path = join(cli.log, 'journal/header')
  const whole = readFileSync(path)
  writeFileSync(path, Buffer.alloc(whole.length, 7))
  const { status, out, err } = cli.run(['inspect', path, '--json'])
  writeFileSync(path, whole)
  assert.equal([status, rows(out).length, rows(err).length], [1, 2, 2], err)
})

test('verify is content with a whole log, and exits with 1 at the place of a flipped bit, of a partition or not', () => {
  const partition = readdirSync(cli.log).find((name) => name.startsWith('pay-')) ?? ''
  const sequenceOf = (name: string) =>
    Number(rows(cli.run(['inspect', join(cli.log, 'checkpoint', name), '--json']).out)[0]?.['checkpoint'])
  // The newest one says what the others are held against.
  const [checkpoint] = readdirSync(join(cli.log, 'checkpoint')).sort((a, b) => sequenceOf(a) - sequenceOf(b))
  const places = [
    { file: `${partition}/00000000000000000000.log`, at: 65, position: 0, code: 'bad-crc' },
    { file: 'journal/header', at: 20, position: 0, code: 'a copy of the header is not whole' },
    { file: `checkpoint/${checkpoint}`, at: 20, position: 0, code: 'is no whole checkpoint of this log' },
  ]
  for (const { file, at, ...expected } of places) {
    assert.match(cli.run(['verify']).out, /\nno damage found\n$/)
    const path = join(cli.log, file)
    const whole = readFileSync(path)
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const { status, out } = cli.run(['verify', '--json'])
    const [counts, { position, code } = {}, ...others] = rows(out)
    assert.equal({ status, position, code }, { status: 1, ...expected }, file)
    assert.equal([counts?.['damage'], others], [1, []], file)
    writeFileSync(path, whole)
  }
})

test.run()
