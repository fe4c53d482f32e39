// What comments and pages cite is there: pages, their sections, the rules of durability.md and their letters,
// decisions, and the files that ARCHITECTURE.md and docs/ name.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BEHAVIOURS } from '../regressions/list.ts'
import { commentsOf, type Page, pageOf, wrongCitations } from './citations.ts'
import { foldersOf, sourcesOf } from './sources.ts'

const FOLDERS = ['assembly', 'bindings', 'test', 'bench', 'examples']
const sources = FOLDERS.flatMap((folder) => sourcesOf(folder))
const texts = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...['docs', 'bench', 'examples'].flatMap((folder) => sourcesOf(folder, ['.md']).map(({ path }) => path)),
].map((path) => ({ path, text: readFileSync(path, 'utf8') }))
const written = texts.filter(({ path }) => !path.endsWith('.api.md'))
const pages = new Map<string, Page>(texts.map(({ path, text }) => [basename(path), pageOf(text)]))

test('the pages are seen, with their sections, rules and letters', () => {
  assert.ok(sources.length > 500 && texts.length > 30, `${sources.length} sources, ${texts.length} pages`)
  for (const number of ['1', '1.1', '4.10', '8']) assert.ok(pages.get('kafka.md')?.sections.has(number), number)
  for (const rule of ['1', '4a', '4d', '6e', '12']) assert.ok(pages.get('durability.md')?.sections.has(rule), rule)
  assert.not(pages.get('durability.md')?.sections.has('13'))
})

test('a citation of what isn’t there is found', () => {
  const wrong = [
    'Source: kafka.md 9.9.',
    'Kafka (kafka.md 1.1, 9.8) does',
    'kafka.md 3.2 to 3.9',
    'kafka.md section 9',
    'kafka.md 8, case 999',
    'kafka.md 1.5, check 99',
    'see nowhere.md',
    'durability rule 99',
    'durability rules 3 and 99',
    'rule 1z',
    'docs/durability.md, 77',
    'decision 999',
  ]
  for (const text of wrong) assert.is(wrongCitations(text, pages).length, 1, text)
  const right = [
    'kafka.md 1.5, check 17, and kafka.md 8, case 49',
    'kafka.md 1.5, 2.4, 2.5',
    'durability rules 4a and 6a',
    'a rule of thumb; 3 rules',
    'decision 019 (lz4_Frame_format.md)',
  ]
  for (const text of right) assert.equal(wrongCitations(text, pages), [], text)
  assert.is(
    commentsOf("const a = 1 // rule 1\n/**\n * kafka.md\n * 1.1\n */ 'http://x'").includes('kafka.md\n 1.1'),
    true,
  )
})

test('what comments cite is there', () => {
  const wrong = sources
    .filter(({ path }) => !path.startsWith('test/house/citations'))
    .flatMap(({ path, text }) => wrongCitations(commentsOf(text), pages).map((what) => `${path}: ${what}`))
  assert.equal(wrong, [])
})

test('what pages cite is there', () => {
  assert.equal(
    written.flatMap(({ path, text }) => wrongCitations(text, pages).map((what) => `${path}: ${what}`)),
    [],
  )
})

test('links of pages lead somewhere', () => {
  const links = written.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)].map(([, to = '']) => ({ path, to })),
  )
  assert.ok(links.length > 50, `${links.length} links`)
  const dead = links.filter(({ path, to }) => !existsSync(join(dirname(path), to)))
  assert.equal(
    dead.map(({ path, to }) => `${path}: ${to}`),
    [],
  )
})

test('files and folders that pages name are there', () => {
  const all = [...FOLDERS, 'docs'].flatMap((folder) => sourcesOf(folder, ['.ts', '.mjs', '.md']))
  const known = [...all.map(({ path }) => path), ...FOLDERS.flatMap(foldersOf).map((path) => `${path}/`)]
  const missing = written.flatMap(({ path, text }) =>
    [...text.matchAll(/`((?:[\w.-]+\/)*(?:[\w.-]+\.(?:ts|mjs)|[\w-]+\/))`|(?:tsx|node|FILE) ((?:[\w.-]+\/)+[\w.-]+)/g)]
      .map(([, name, argument]) => name ?? argument ?? '')
      .filter(
        (name) =>
          !name.includes('node_modules/') &&
          !known.some((file) => `/${file}`.endsWith(`/${name}`)) &&
          !existsSync(name),
      )
      .map((name) => `${path}: ${name}`),
  )
  assert.equal(missing, [])
})

test('a file that ARCHITECTURE.md names without its folder lies in that of the one before it', () => {
  const [, places = ''] = readFileSync('ARCHITECTURE.md', 'utf8').split('## Where a behaviour lives')
  const rows = [...places.matchAll(/^\| [^|]* \| ([^|]*) \|$/gm)]
  assert.ok(rows.length > 100, `${rows.length} rows`)
  const wrong: string[] = []
  for (const [, row = ''] of rows) {
    let folder = ''
    for (const [, name = ''] of row.matchAll(/`((?:[\w-]+\/)+|(?:[\w-]+\/)*[\w-]+\.ts)`/g)) {
      const path = name.includes('/') ? name : `${folder}${name}`
      folder = path.slice(0, path.lastIndexOf('/') + 1)
      if (name.endsWith('.ts') && !sources.some((source) => `/${source.path}`.endsWith(`/${path}`))) wrong.push(path)
    }
  }
  assert.equal(wrong, [])
})

test('what ARCHITECTURE.md names in brackets after a file is in that file', () => {
  const named = [...readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/`([\w./-]+\.ts)`[^`(|]{0,60}\(([^)]*)\)/g)]
    .map(([, file = '', inside = '']) => ({ file, inside }))
    .flatMap(({ file, inside }) => {
      return [...inside.matchAll(/`(#?\w+)`(?! of)/g)].map(([, name = '']) => ({ file, name }))
    })
  assert.ok(named.length > 60, `${named.length} names`)
  const codeOf = (text: string) => text.replaceAll(/\/\*.*?\*\/|\/\/.*?$/gms, '')
  const hasIt = (text: string, name: string) => new RegExp(`(?<![\\w#])${name}\\b`).test(text)
  const missing = named.filter(({ file, name }) => {
    return !sources.some(({ path, text }) => `/${path}`.endsWith(`/${file}`) && hasIt(codeOf(text), name))
  })
  assert.equal(
    missing.map(({ file, name }) => `${file}: ${name}`),
    [],
  )
})

test('the behaviours of the list are those of kafka.md', () => {
  const rows = pages.get('kafka.md')?.rows.get('8')
  const listed = BEHAVIOURS.flatMap(({ source }) => /^\d+/.exec(source)?.[0] ?? [])
  assert.equal([...new Set(listed)], [...(rows ?? [])])
})

test.run()
