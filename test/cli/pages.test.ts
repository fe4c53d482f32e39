// What the README, the pages and the hints of errors tell to call is there: commands with their options, methods by
// name.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ERRORS } from '../../bindings/model/error-table.ts'
import { commandsOf } from './help-text.ts'
import { CommandLine } from './support.ts'

const cli = new CommandLine()
test.after(() => cli.remove())

const inDocs = readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [join('docs', name)] : []))
const texts = new Map(['README.md', 'CHANGELOG.md', ...inDocs].map((page) => [page, readFileSync(page, 'utf8')]))
const helps = new Map(commandsOf(cli).map(({ words, text }) => [words.join(' '), text]))

/** Why `oncelog WORDS` can't be called. */
function faultOf(words: readonly string[]): string | undefined {
  let known: string[] = []
  for (let count = 1; helps.has(words.slice(0, count).join(' ')) && count <= words.length; count++)
    known = words.slice(0, count)
  const help = helps.get(known.join(' ')) ?? ''
  const next = words[known.length] ?? ''
  if (known.length === 0 && !next.startsWith('-')) return `there is no command ${next}`
  if (/^Commands:$/m.test(help) && /^[a-z-]+$/.test(next) && known.length > 0)
    return `${known.join(' ')} has no ${next}`
  return words.find(
    (word) => word.startsWith('--') && !help.includes(`${word.split('=')[0]} `) && !help.includes(`${word}\n`),
  )
}

const calls = (text: string) =>
  Array.from(text.matchAll(/`oncelog ([^`]+)`|^npx oncelog (.*)$/gm), ([, inline, line]) => inline ?? line ?? '')

test('every command that is named exists, with the options that stand after it', () => {
  const named = [
    ...texts,
    [
      'hints',
      Object.values(ERRORS)
        .map(([, , hint]) => hint)
        .join('\n'),
    ] as const,
  ]
  const wrong = named.flatMap(([page, text]) =>
    calls(text).flatMap((call) => {
      const fault = faultOf(call.split(/\s+/))
      return fault === undefined ? [] : [`${page}: oncelog ${call}: ${fault}`]
    }),
  )
  assert.equal(wrong, [])
})

test('the search finds what is not there', () => {
  for (const call of ['frobnicate', 'topics frobnicate', 'groups reset audit --to-nowhere', 'verify --deep'])
    assert.type(faultOf(call.split(' ')), 'string', call)
  for (const call of ['topics', 'groups reset GROUP --to-earliest', 'verify DIR', '--help'])
    assert.is(faultOf(call.split(' ')), undefined, call)
})

test('the README shows what the help shows, and that is run', () => {
  const lines = Array.from(texts.get('README.md')?.matchAll(/^[^-`\n]*npx (oncelog .*)$/gm) ?? [], ([line]) =>
    line.replace('npx ', ''),
  )
  const shown = [...helps.values()].join('\n')
  assert.ok(lines.length > 5)
  assert.equal(
    lines.filter((line) => !shown.includes(`  ${line}\n`)),
    [],
  )
})

/** Names of an interface's members in the report of the public types. */
function membersOf(name: string): readonly string[] {
  const report = readFileSync('docs/api/oncelog.api.md', 'utf8')
  const body = new RegExp(`^export interface ${name} .*\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(report)?.[1] ?? ''
  return Array.from(body.matchAll(/^ {4}(?:readonly )?(\w+)/gm), ([, member = '']) => member)
}

test('every method of a log and of its admin that is named exists', () => {
  const known = new Map([
    ['log', [...membersOf('Log'), ...membersOf('EmbeddedLog')]],
    ['admin', membersOf('Admin')],
  ])
  assert.ok([...known.values()].every((members) => members.length > 5))
  const wrong = [...texts].flatMap(([page, text]) => {
    const code = Array.from(text.matchAll(/`([^`\n]+)`/g), ([, inline = '']) => inline)
    return code.flatMap((each) => {
      const named = [...each.matchAll(/(?<![./\w-])(?:log\.(?=admin))?(log|admin)\.(\w+)\b(?!\.)/g)]
      return named.flatMap(([whole, of = '', member = '']) =>
        known.get(of)?.includes(member) ? [] : [`${page}: ${whole}`],
      )
    })
  })
  assert.equal(wrong, [])
})

test.run()
