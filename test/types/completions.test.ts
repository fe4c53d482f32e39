// What an editor offers where a code is written, and that other copies' codes are taken all the same.
import ts from 'typescript'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const file = 'test/types/completions.ts'
const source = `import { LogError } from 'oncelog'
export const told = (error: unknown): boolean => LogError.is(error, '')
export const newer = (error: unknown): boolean => LogError.is(error, 'CODE_OF_A_NEWER_COPY')
`

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile('tsconfig.json', ts.sys.readFile).config,
  ts.sys,
  process.cwd(),
)
const service = ts.createLanguageService({
  getCompilationSettings: () => options,
  getScriptFileNames: () => [file, 'bindings/kernel/webassembly.d.ts'],
  getScriptVersion: () => '1',
  getScriptSnapshot: (name) => {
    const text = name.endsWith(file) ? source : ts.sys.readFile(name)
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
  },
  getCurrentDirectory: () => process.cwd(),
  getDefaultLibFileName: ts.getDefaultLibFilePath,
  fileExists: (name) => name.endsWith(file) || ts.sys.fileExists(name),
  readFile: ts.sys.readFile,
  directoryExists: ts.sys.directoryExists,
})

test('editors offer the codes to LogError.is, and any other text compiles', () => {
  const position = source.indexOf("'')") + 1
  const offered = service.getCompletionsAtPosition(file, position, undefined)?.entries.map(({ name }) => name) ?? []
  for (const code of ['STORAGE_FULL', 'PARTIAL_SEND', 'ILLEGAL_GENERATION']) assert.ok(offered.includes(code), code)
  assert.equal(service.getSemanticDiagnostics(file), [])
})

test.run()
