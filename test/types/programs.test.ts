// The published types are frozen by programs: they compile, and the lines marked in them don't.
import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type {} from './programs.ts'

const file = 'test/types/programs.ts'
const text = readFileSync(file, 'utf8')

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile('tsconfig.json', ts.sys.readFile).config,
  ts.sys,
  process.cwd(),
)
let before: ts.Program | undefined

/** Of the file with that text; all other files are read and bound once. */
function diagnostics(source: string): string[] {
  const host = ts.createCompilerHost(options)
  const readSource = host.getSourceFile
  host.getSourceFile = (name, ...how) => {
    if (name.endsWith(file)) return ts.createSourceFile(name, source, ts.ScriptTarget.ES2023, true)
    return before?.getSourceFile(name) ?? readSource(name, ...how)
  }
  const program = ts.createProgram([file, 'bindings/kernel/webassembly.d.ts'], options, host, before)
  before = program
  const sourceFile = program.getSourceFile(file)
  return ts
    .getPreEmitDiagnostics(program, sourceFile)
    .map(({ code, messageText }) => `TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
}

test('the programs compile, and each marked line is an error', () => {
  assert.equal(diagnostics(text), [])
})

test('without the marks there are as many errors', () => {
  const marks = text.match(/@ts-expect-error/g)?.length ?? 0
  assert.ok(marks >= 19, `${marks} marks`)
  const found = diagnostics(text.replaceAll('@ts-expect-error', ''))
  assert.ok(found.length >= marks, found.join('\n'))
})

test.run()
