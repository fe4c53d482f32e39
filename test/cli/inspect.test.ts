// `inspect` of a segment whose checksums hold, and whose records can't be read all the same.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { altered, batch } from '../import/kafka-source.ts'
import { CommandLine, rows } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

test('--contents tells a batch that is not what it says, and exits with 1; it was passed over in silence', () => {
  const directory = join(cli.home, 'pay-0')
  const path = join(directory, '00000000000000000000.log')
  const first = batch(0, { values: ['ada'] })
  // It says that it is gzip.
  const second = altered(batch(1, { values: ['bob'] }), (view) => view.setInt16(21, 1))
  const third = batch(2, { values: ['eve'] })
  mkdirSync(directory)
  writeFileSync(path, Buffer.concat([first, second, third]))
  const { status, out, err } = cli.run(['inspect', path, '--contents', '--json'])
  const [ada, spoilt, eve, ...others] = rows(out)
  assert.equal([ada?.['value'], eve?.['value'], others], ['ada', 'eve', []])
  const place = { position: first.length, fault: 'bad-compression' }
  assert.equal({ position: spoilt?.['position'], fault: spoilt?.['fault'] }, place)
  assert.is(status, 1)
  assert.equal(rows(err), [{ damage: { file: path, position: first.length, code: 'bad-compression' } }])
})

test.run()
