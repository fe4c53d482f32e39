/** Compiles consumer.ts against the unpacked package as different users would, their `skipLibCheck` off. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const surroundings: readonly {
  readonly name: string
  readonly lib: readonly string[]
  readonly types: readonly string[]
}[] = [
  { name: 'lib es2022', lib: ['lib.es2022.d.ts'], types: [] },
  { name: 'lib es2023 and dom', lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'], types: [] },
  { name: "Node's types only", lib: ['lib.es2022.d.ts'], types: ['node'] },
]
const resolutions = [
  { name: 'nodenext', module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  { name: 'bundler', module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
]

/** Declarations of the platform aren't ours to check, and the same for all programs that read modules alike. */
const PLATFORM = /[\\/]node_modules[\\/](typescript[\\/]lib|@types[\\/]node|undici-types)[\\/]/
const parsed = new Map<string, ts.SourceFile | undefined>()

function hostOf(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile
  host.getSourceFile = (name, ...how) => {
    if (!PLATFORM.test(name)) return read(name, ...how)
    const key = `${options.module} ${name}`
    if (!parsed.has(key)) parsed.set(key, read(name, ...how))
    return parsed.get(key)
  }
  return host
}

function diagnosticsOf(program: ts.Program): readonly ts.Diagnostic[] {
  const files = program.getSourceFiles().filter(({ fileName }) => !PLATFORM.test(fileName))
  return [
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...files.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ]
}

/** What is wrong with a program beside the unpacked package, `skipLibCheck` off. */
export function faultsOf(home: string, name: string, surrounding: ts.CompilerOptions): readonly string[] {
  const options = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    target: ts.ScriptTarget.ES2022,
    typeRoots: [join(home, 'node_modules/@types')],
    ...surrounding,
  }
  const program = ts.createProgram([join(home, name)], options, hostOf(options))
  const declarations = program.getSourceFiles().filter((file) => /[\\/]oncelog[\\/]dist[\\/]/.test(file.fileName))
  const texts = diagnosticsOf(program).map((diagnostic) => {
    const { file, start } = diagnostic
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0
    return `  ${file?.fileName.replace(home, '') ?? ''}:${line} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n    ')}`
  })
  if (!existsSync(declarations[0]?.fileName ?? '')) texts.unshift('  the types of the package were not found')
  return [...new Set(texts)]
}

export function compileConsumers(home: string): void {
  const faults: string[] = []
  for (const { name, lib, types } of surroundings) {
    for (const { name: resolution, module, moduleResolution } of resolutions) {
      const options = { lib: [...lib], types: [...types], module, moduleResolution }
      const texts = faultsOf(home, 'consumer.ts', options)
      if (texts.length > 0) faults.push(`${name}, ${resolution}:\n${texts.slice(0, 20).join('\n')}`)
    }
  }
  if (faults.length > 0) throw new Error(faults.join('\n'))
}
