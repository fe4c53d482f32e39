/** Finds what comments and pages cite of the repository's own pages, and whether it is there. */

/** A page: what of it can be cited, by number. */
export interface Page {
  /** Headings (`3.3`), rules (`6`) and their letters (`6b`). */
  readonly sections: ReadonlySet<string>
  /** By section, the numbers of a table's rows: checks, cases. */
  readonly rows: ReadonlyMap<string, ReadonlySet<string>>
}

/** By the file's name, with the ending. */
export type Pages = ReadonlyMap<string, Page>

/** Pages of other projects that a source is named by. */
const FOREIGN = ['lz4_Block_format.md', 'lz4_Frame_format.md']

export function pageOf(text: string): Page {
  const sections = new Set<string>()
  const rows = new Map<string, Set<string>>()
  let section = ''
  let rule = ''
  for (const line of text.split('\n')) {
    const heading = /^#+ (?:(\d+(?:\.\d+)*) )?/.exec(line)
    if (heading !== null) {
      section = heading[1] ?? ''
      rule = ''
      if (section !== '') sections.add(section)
    }
    const row = /^\| (\d+) \|/.exec(line)?.[1]
    if (row !== undefined) rows.set(section, (rows.get(section) ?? new Set()).add(row))
    rule = /^(\d+)\. \*\*/.exec(line)?.[1] ?? (/^\S/.test(line) ? '' : rule)
    if (rule === '') continue
    sections.add(rule)
    for (const [, letter] of line.matchAll(/\(([a-z])\)/g)) sections.add(`${rule}${letter}`)
  }
  return { sections, rows }
}

/** Comments, one after the other, without what begins their lines. */
export function commentsOf(source: string): string {
  const comments = source.match(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm) ?? []
  return comments.join('\n\n').replace(/^\s*(\/\*\*?|\/\/|\*)/gm, '')
}

const NUMBER = String.raw`\d+(?:\.\d+)*[a-z]?`
const LIST = `((?:${NUMBER})(?:(?:,| and| to|, and) ${NUMBER})*)`
const PAGE = /([\w-]+\.md)(?:,)?(?: section)? /
const NUMBERED = new RegExp(`${PAGE.source}${LIST}(?:, (?:case|check) (\\d+))?`, 'g')
const RULES = new RegExp(`\\brules? ${LIST}`, 'g')

/** What is wrong with what `text`, a page or the comments of a source, cites. */
export function wrongCitations(text: string, pages: Pages): string[] {
  const plain = text.replace(/\s+/g, ' ')
  const wrong: string[] = []
  for (const [name] of plain.matchAll(/(?<![\w.*-])[\w-][\w.-]*\.md\b/g)) {
    if (!pages.has(name) && !FOREIGN.includes(name)) wrong.push(`there is no page ${name}`)
  }
  for (const [, name = '', list = '', row] of plain.matchAll(NUMBERED)) {
    const page = pages.get(name)
    if (page === undefined) continue
    for (const number of numbersOf(list)) if (!page.sections.has(number)) wrong.push(`${name} has no ${number}`)
    const last = numbersOf(list).at(-1) ?? ''
    if (row !== undefined && page.rows.get(last)?.has(row) !== true) wrong.push(`${name} ${last} has no row ${row}`)
  }
  const rules = pages.get('durability.md')?.sections
  for (const [, list = ''] of plain.matchAll(RULES)) {
    for (const number of numbersOf(list)) if (rules?.has(number) !== true) wrong.push(`there is no rule ${number}`)
  }
  for (const [, number = ''] of plain.matchAll(/\b[Dd]ecision (\d{3})\b/g)) {
    if (![...pages.keys()].some((name) => name.startsWith(`${number}-`))) wrong.push(`there is no decision ${number}`)
  }
  return wrong
}

function numbersOf(list: string): string[] {
  return list.match(new RegExp(NUMBER, 'g')) ?? []
}
