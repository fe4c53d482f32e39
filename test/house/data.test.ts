// The flight records are what the package they were taken from holds, to the byte.
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const home = new URL('../', import.meta.resolve('vega-datasets'))

test('data/flights-20k.json is the file of vega-datasets, unchanged', () => {
  const original = readFileSync(new URL('data/flights-20k.json', home))
  assert.ok(readFileSync('data/flights-20k.json').equals(original))
  const { version } = JSON.parse(readFileSync(new URL('package.json', home), 'utf8')) as { version: string }
  assert.match(readFileSync('data/README.md', 'utf8'), `\`vega-datasets\` ${version}`)
})

test.run()
