// docs/guarantees.md: every question has its drawing, its example and its test, and no test is without a question.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const page = readFileSync('docs/guarantees.md', 'utf8')
const sections = page.split(/^## /m).slice(1)

test('seven questions, each with a drawing, an example and a test', () => {
  assert.is(sections.length, 7)
  for (const [index, section] of sections.entries()) {
    const name = /examples\/guarantees\/(.+)\.ts\)/.exec(section)?.[1] ?? ''
    assert.ok(name.startsWith(`${index + 1}-`), section.slice(0, 60))
    for (const path of [`examples/guarantees/${name}.ts`, `test/guarantees/${name}.test.ts`]) {
      assert.ok(existsSync(path), path)
      assert.ok(section.includes(`(../${path})`), `${path} is linked`)
    }
    assert.match(section, /```\n[^`]*[│─>┌][^`]*```/, `a drawing in ${name}`)
  }
})

test('each test has a question', () => {
  const tests = readdirSync('test/guarantees').filter((name) => /^\d.*\.test\.ts$/.test(name))
  assert.is(tests.length, 7)
  assert.equal(
    tests.filter((name) => !page.includes(name)),
    [],
  )
})

test.run()
