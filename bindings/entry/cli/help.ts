import type { AddHelpTextContext } from 'commander'

/** Lines beyond this width are hard to read, however wide the terminal is. */
const COLUMNS_MAX = 100

/**
 * Text below a command's options. Paragraphs, broken anywhere in the source, fill the terminal's width. Indented lines,
 * such as examples, stay as they are.
 */
export function below(text: string): (context: AddHelpTextContext) => string {
  return ({ command }) => {
    const width = Math.min(process.stdout.columns ?? 80, COLUMNS_MAX)
    const lines = text
      .trim()
      .replace(/(\S)\n(?=\S)/g, '$1 ')
      .split('\n')
    const wrapped = lines.map((line) => (line.startsWith(' ') ? line : command.createHelp().boxWrap(line, width)))
    return `\n${wrapped.join('\n')}`
  }
}
