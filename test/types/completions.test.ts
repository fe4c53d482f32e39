// What an editor offers where a code or a topic's config is written, and that other text is taken all the same.
import ts from 'typescript'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TOPIC_CONFIG_KEYS } from '../../bindings/model/topic-config.ts'

const file = 'test/types/completions.ts'
const source = `import { LogError, type TopicConfig } from 'oncelog'
export const told = (error: unknown): boolean => LogError.is(error, '')
export const newer = (error: unknown): boolean => LogError.is(error, 'CODE_OF_A_NEWER_COPY')
export const kept: TopicConfig = { 'cleanup.policy': 'compact', '': 1 }
export const given = (text: string): TopicConfig => ({ 'retention.ms': text, 'cleanup.policy': text })
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

const offeredAt = (text: string): readonly string[] => {
  const position = source.indexOf(text) + text.indexOf("''") + 1
  return service.getCompletionsAtPosition(file, position, undefined)?.entries.map(({ name }) => name) ?? []
}

test('editors offer the codes to LogError.is, and any other text compiles', () => {
  const offered = offeredAt("error, '')")
  for (const code of ['STORAGE_FULL', 'PARTIAL_SEND', 'ILLEGAL_GENERATION']) assert.ok(offered.includes(code), code)
  const faults = service.getSemanticDiagnostics(file).map(({ messageText }) => messageText)
  assert.equal(faults, [])
})

test('editors offer the keys of a config, all that are known, with what they mean', () => {
  assert.equal([...offeredAt("'': 1")].sort(), [...TOPIC_CONFIG_KEYS].sort())
  const hint = service.getQuickInfoAtPosition(file, source.indexOf("'retention.ms'") + 1)
  assert.match(ts.displayPartsToString(hint?.documentation), /-1: for ever/)
})

test.run()
