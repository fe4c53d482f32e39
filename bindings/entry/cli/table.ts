import stringWidth from 'string-width'

type Align = 'left' | 'right'

/** A table of one-line cells, with a rule below the names and none between rows. */
export function tableOf(fields: readonly string[], aligns: readonly Align[], cells: readonly string[][]): string {
  const widths = fields.map((field, column) => {
    let width = widthOf(field)
    for (const row of cells) width = Math.max(width, widthOf(row[column] ?? ''))
    return width
  })
  const edge = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right
  const line = (row: readonly string[]): string =>
    `│ ${widths.map((width, column) => padded(row[column] ?? '', width, aligns[column])).join(' │ ')} │`
  return [edge('┌', '┬', '┐'), line(fields), edge('├', '┼', '┤'), ...cells.map(line), edge('└', '┴', '┘')].join('\n')
}

function padded(text: string, width: number, align: Align | undefined): string {
  const space = ' '.repeat(width - widthOf(text))
  return align === 'right' ? space + text : text + space
}

/** Columns of a terminal. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text)
}
