import stringWidth from 'string-width'

type Align = 'left' | 'right'

/** What stands above and below the rows of a table, and how each of them is written. */
export interface TableForm {
  readonly head: string
  line(cells: readonly string[]): string
  readonly foot: string
}

/** A table of one-line cells, with a rule below the names and none between rows. */
export function tableOf(fields: readonly string[], aligns: readonly Align[], cells: readonly string[][]): string {
  const { head, line, foot } = tableForm(fields, aligns, cells)
  return [head, ...cells.map(line), foot].join('\n')
}

/** Each column is as wide as its widest cell here; a wider one that comes later moves its row's end. */
export function tableForm(fields: readonly string[], aligns: readonly Align[], cells: readonly string[][]): TableForm {
  const widths = fields.map((field, column) => {
    let width = widthOf(field)
    for (const row of cells) width = Math.max(width, widthOf(row[column] ?? ''))
    return width
  })
  const edge = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right
  const line = (row: readonly string[]): string =>
    `│ ${widths.map((width, column) => padded(row[column] ?? '', width, aligns[column])).join(' │ ')} │`
  return { head: [edge('┌', '┬', '┐'), line(fields), edge('├', '┼', '┤')].join('\n'), line, foot: edge('└', '┴', '┘') }
}

function padded(text: string, width: number, align: Align | undefined): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'right' ? space + text : text + space
}

/** Columns of a terminal. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text)
}
