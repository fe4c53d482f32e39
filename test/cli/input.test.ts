// What `produce` reads: lines, NDJSON, CSV, gzip, from a file or standard input; and where it stops.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type InputFormat, type Line, readLines } from '../../bindings/entry/cli/input.ts'
import { LogError } from '../../bindings/entry/node.ts'
import { CommandLine, rows } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())
test.before(() => {
  cli.run(['topics', 'create', 'in'])
})

let seen = 0
/** Keys and values that came since the last call. */
function written(): unknown[] {
  const all = rows(cli.run(['consume', 'in', '--json']).out)
  const fresh = all.slice(seen).map(({ key, value }) => [key, value])
  seen = all.length
  return fresh
}

/** What reading all of it rejects with. */
async function drained(source: Readable, how: InputFormat): Promise<unknown> {
  try {
    for await (const _ of readLines(source, how, new AbortController().signal));
    return undefined
  } catch (error) {
    return error
  }
}

test('lines keep their bytes; line ends of both kinds; the last line needs none', () => {
  assert.is(cli.run(['produce', 'in'], 'one\r\ntwo\n\nlast').status, 0)
  assert.equal(written(), [
    [null, 'one'],
    [null, 'two'],
    [null, ''],
    [null, 'last'],
  ])
})

test('NDJSON from a gzip file, keyed by a field; values stay as they were written', () => {
  const path = join(cli.home, 'rows.ndjson.gz')
  writeFileSync(path, gzipSync('{"a": 1, "k":"x"}\n{"a":2,"k":7}\n{"a":3,"k":null}\n'))
  const { status, out } = cli.run(['produce', 'in', '--file', path, '--key-field', 'k', '--json'])
  assert.is(status, 0)
  assert.equal(rows(out), [{ topic: 'in', records: 3 }])
  assert.equal(written(), [
    ['x', '{"a": 1, "k":"x"}'],
    ['7', '{"a":2,"k":7}'],
    [null, '{"a":3,"k":null}'],
  ])
})

test('CSV on standard input, gzip known by its bytes', () => {
  const text = gzipSync('id,text\n1,"a, ""b""\nc"\n2,\n')
  assert.is(cli.run(['produce', 'in', '--format', 'csv', '--key-field', 'id'], text).status, 0)
  assert.equal(written(), [
    ['1', '{"id":"1","text":"a, \\"b\\"\\nc"}'],
    ['2', '{"id":"2","text":""}'],
  ])
})

test('a byte order mark and empty lines are no part of the data', () => {
  const mark = '\ufeff'
  assert.is(
    cli.run(['produce', 'in', '--format', 'csv', '--key-field', 'id'], `${mark}id,b\r\n1,x\r\n\r\n2,y\r\n\r\n`).status,
    0,
  )
  assert.is(
    cli.run(['produce', 'in', '--format', 'ndjson', '--key-field', 'id'], `${mark}{"id":3}\r\n\r\n{"id":4}`).status,
    0,
  )
  assert.equal(written(), [
    ['1', '{"id":"1","b":"x"}'],
    ['2', '{"id":"2","b":"y"}'],
    ['3', '{"id":3}'],
    ['4', '{"id":4}'],
  ])
})

test('two columns of one name are refused: the field of the first would be lost', () => {
  const { status, err } = cli.run(['produce', 'in', '--format', 'csv'], 'a,b,a\n1,2,3\n')
  assert.is(status, 2)
  assert.match(err, /INVALID_RECORD: two columns are named "a"/)
  assert.equal(written(), [])
})

test('gzip is known where its first byte comes alone', async () => {
  const zipped = gzipSync('one\n')
  const pieces = [zipped.subarray(0, 1), zipped.subarray(1)]
  const how = { format: 'lines', keySeparator: undefined, keyField: undefined, recordBytesMax: 1000 } as const
  const found: string[] = []
  for await (const lines of readLines(Readable.from(pieces), how, new AbortController().signal)) {
    for (const { value } of lines) found.push(Buffer.from(value).toString())
  }
  assert.equal(found, ['one'])
})

test('a line of one byte waits for nothing', async () => {
  const source = new PassThrough()
  source.write('\n')
  const how = { format: 'lines', keySeparator: undefined, keyField: undefined, recordBytesMax: 1000 } as const
  const reading = readLines(source, how, new AbortController().signal)
  const { value: lines } = (await reading.next()) as { readonly value: readonly Line[] }
  assert.is(lines.length, 1)
  source.end()
})

test('a bad line is named, and so is what stands before it', () => {
  const { status, err } = cli.run(['produce', 'in', '--format', 'ndjson'], '{"a":1}\nsecret\n')
  assert.is(status, 2)
  assert.match(err, /INVALID_RECORD: line 2 holds no JSON object/)
  assert.not.match(err, /secret/)
  const field = cli.run(['produce', 'in', '--format', 'csv', '--key-field', 'nope'], 'a\n1\n')
  assert.is(field.status, 2)
  assert.match(field.err, /row 1 has no field "nope"/)
  const inherited = cli.run(['produce', 'in', '--format', 'ndjson', '--key-field', 'constructor'], '{"a":1}\n')
  assert.match(inherited.err, /row 1 has no field "constructor"/)
  assert.equal(written(), [])
})

test('what was written before a fault is told, what is on its way with it', () => {
  const good = Array.from({ length: 9000 }, (_, number) => `{"number":${number}}\n`).join('')
  const path = join(cli.home, 'fault.ndjson')
  writeFileSync(path, `${good}fault\n`)
  const { status, err } = cli.run(['produce', 'in', '--file', path, '--json'])
  assert.is(status, 2)
  const count = written().length
  assert.ok(count > 0)
  assert.match(
    String(rows(err)[0]?.['message']),
    new RegExp(`line 9001 .*; ${count} records of the input were written`),
  )
})

test('a number that no double holds is no key: two of them would be one', () => {
  for (const number of ['12345678901234567890', '{"id":9007199254740993}']) {
    const { status, err } = cli.run(['produce', 'in', '--format', 'ndjson', '--key-field', 'id'], `{"id":${number}}\n`)
    assert.is(status, 2, number)
    assert.match(err, /INVALID_RECORD: row 1 has a number in "id" that is too large to be a key/)
  }
  const text = cli.run(['produce', 'in', '--format', 'ndjson', '--key-field', 'id'], '{"id":"12345678901234567890"}\n')
  assert.is(text.status, 0)
  assert.equal(written(), [['12345678901234567890', '{"id":"12345678901234567890"}']])
})

test('a cut-off gzip file, a missing file, options that contradict each other', () => {
  const path = join(cli.home, 'cut.gz')
  writeFileSync(path, gzipSync('x\n'.repeat(1000)).subarray(0, -12))
  const cut = cli.run(['produce', 'in', '--file', path])
  assert.is(cut.status, 2)
  assert.match(cut.err, /INVALID_RECORD: the input is damaged gzip: Z_BUF_ERROR/)
  const csv = cli.run(['produce', 'in', '--format', 'csv'], 'a,b\n1,secret "x"\n')
  assert.is(csv.status, 2)
  assert.match(csv.err, /INVALID_RECORD: line 2 is no CSV: INVALID_OPENING_QUOTE/)
  assert.not.match(csv.err, /secret/)
  assert.is(cli.run(['produce', 'in', '--file', join(cli.home, 'none')]).status, 2)
  assert.is(cli.run(['produce', 'in', '--key-field', 'k'], 'x\n').status, 2)
  assert.is(cli.run(['produce', 'in', '--format', 'xml'], 'x\n').status, 2)
  assert.is(cli.run(['produce', 'in', '--acks', '0'], 'x\n').status, 2)
})

test('a directory as standard input is no empty one: 0 records were written, and it ended with 0', () => {
  const stdin = openSync(cli.home, 'r')
  const done = spawnSync(process.execPath, cli.words(['produce', 'in']), { stdio: [stdin, 'pipe', 'pipe'] })
  closeSync(stdin)
  assert.equal([done.status, done.stdout.length], [2, 0])
  assert.match(done.stderr.toString('utf8'), /standard input is a directory/)
})

test('a line that no record can hold is refused before all of it is read, by its number, in each format', async () => {
  const recordBytesMax = 1000
  const formats = {
    lines: ['one\n', 'x'.repeat(400)],
    ndjson: ['{"a":1}\n', 'x'.repeat(400)],
    csv: ['a\n', `"${'x'.repeat(399)}`],
  } as const
  for (const [format, [first, piece]] of Object.entries(formats)) {
    let given = 0
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from(first)
      for (; given < 1000; given++) yield Buffer.from(given === 0 ? piece : 'x'.repeat(400))
    }
    const how = { format, keySeparator: undefined, keyField: undefined, recordBytesMax } as InputFormat
    const refused = await drained(Readable.from(endless(), { objectMode: false }), how)
    assert.ok(LogError.is(refused, 'MESSAGE_TOO_LARGE'), `${format}: ${refused}`)
    assert.match(refused.message, / line? ?2 has more than 1000 bytes|^line 2 has more than 1000 bytes/)
    assert.equal(refused.details, { line: 2, bytesMax: 1000 })
    assert.ok(given < 100, `${format}: ${given} pieces were read`)
  }
})

test('as long a line as a record may have is taken, its separator apart', async () => {
  const how = { format: 'lines', keySeparator: '::', keyField: undefined, recordBytesMax: 10 } as const
  assert.is(await drained(Readable.from(['12345::67890\n12345::67890'], { objectMode: false }), how), undefined)
  assert.ok(
    LogError.is(await drained(Readable.from(['12345::678901\n'], { objectMode: false }), how), 'MESSAGE_TOO_LARGE'),
  )
})

test('produce: the line that is too long for the topic is named, and what was written before', () => {
  cli.run(['topics', 'create', 'narrow', '--config', 'max.message.bytes=1000'])
  const { status, err } = cli.run(['produce', 'narrow'], `one\n${'x'.repeat(70_000)}`)
  assert.is(status, 2)
  assert.match(err, /^MESSAGE_TOO_LARGE: line 2 has more than 1000 bytes/)
  const near = cli.run(['produce', 'narrow', '--json'], `one\ntwo\n${'x'.repeat(990)}\n`)
  assert.is(near.status, 2)
  assert.match(
    String(rows(near.err)[0]?.['message']),
    /^record 3 of the input makes a batch of \d+ bytes, max\.message\.bytes/,
  )
})

test('where some records of a call are refused, the error says why, and how many were written', () => {
  cli.run(['topics', 'create', 'keyed', '--partitions', '4', '--config', 'cleanup.policy=compact'])
  const keyed = Array.from({ length: 20 }, (_, at) => `${at}:x\n`).join('')
  const { status, err } = cli.run(['produce', 'keyed', '--key-separator', ':'], `${keyed}no key\n`)
  assert.is(status, 2)
  assert.match(err, /^INVALID_RECORD: record \d+ of the batch has no key.*; \d+ records of the input were written\n/)
})

test('CSV that is no UTF-8 is refused by its line: different keys became one', () => {
  const latin = Buffer.from('id,name\n1,ada\n2,Zo\xeb\n', 'latin1')
  const { status, err } = cli.run(['produce', 'in', '--format', 'csv', '--key-field', 'name'], latin)
  assert.is(status, 2)
  assert.match(err, /^INVALID_RECORD: line 3 is no UTF-8/)
  const cut = cli.run(['produce', 'in', '--format', 'csv'], Buffer.from('id\n\xc3', 'latin1'))
  assert.match(cut.err, /^INVALID_RECORD: line 2 is no UTF-8/)
  written()
  assert.is(cli.run(['produce', 'in', '--format', 'csv'], 'id\nZo\u00eb \ufffd \u{1f389}\n').status, 0)
  assert.equal(written(), [[null, '{"id":"Zo\u00eb \ufffd \u{1f389}"}']])
})

test('a list is no object of NDJSON: a file of one JSON array became one record', () => {
  const { status, err } = cli.run(['produce', 'in', '--format', 'ndjson'], '[{"a":1},{"a":2}]\n')
  assert.is(status, 2)
  assert.match(err, /^INVALID_RECORD: line 1 holds no JSON object/)
})

test.run()
