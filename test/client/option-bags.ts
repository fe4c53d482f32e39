import ts from 'typescript'

/** A parameter of a public call that takes options, with the names that it knows. */
export interface OptionBag {
  /** `Admin.createTopic`; a second signature has its number after it. */
  readonly call: string
  readonly parameter: string
  readonly names: readonly string[]
}

const ENTRY = 'bindings/entry/node.ts'
/** What the program implements, or its platform: the log calls it, with what it knows. */
const NOT_OURS = /bindings\/(storage\/|model\/(platform|standard-schema)\.ts)/
/** Passed through as they are: a record may be what another library made, with more in it. */
const RECORDS = new Set(['records', 'record', 'input'])

/**
 * Of everything that `import … from 'oncelog'` gives, as the compiler sees it: objects with a name that may be left
 * out.
 */
export function optionBags(): OptionBag[] {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd())
  const program = ts.createProgram([ENTRY, 'bindings/kernel/webassembly.d.ts'], options)
  const checker = program.getTypeChecker()
  const entry = checker.getSymbolAtLocation(program.getSourceFile(ENTRY) as ts.SourceFile) as ts.Symbol
  const exported = checker.getExportsOfModule(entry).map((symbol) => {
    return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  })
  const extended = new Set(exported.flatMap((symbol) => basesOf(symbol, checker)))
  return exported
    .filter((symbol) => !extended.has(symbol) && !NOT_OURS.test(fileOf(symbol)))
    .flatMap((symbol) => callsOf(symbol, checker))
    .flatMap(({ call, type }) => {
      return type.getCallSignatures().flatMap((signature, index) => {
        const named = index === 0 ? call : `${call} ${index + 1}`
        return signature.getParameters().flatMap((parameter) => bagOf(named, parameter, checker))
      })
    })
}

function fileOf(symbol: ts.Symbol): string {
  return symbol.declarations?.[0]?.getSourceFile().fileName ?? ''
}

function basesOf(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol[] {
  const type = checker.getDeclaredTypeOfSymbol(symbol)
  return type.isClassOrInterface() ? checker.getBaseTypes(type).flatMap((base) => base.symbol ?? []) : []
}

/** A function itself, the methods of an interface with those that it inherits. */
function callsOf(symbol: ts.Symbol, checker: ts.TypeChecker): { call: string; type: ts.Type }[] {
  if (symbol.flags & ts.SymbolFlags.Function) return [{ call: symbol.name, type: checker.getTypeOfSymbol(symbol) }]
  if (!(symbol.flags & ts.SymbolFlags.Interface)) return []
  const members = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
  return members.map((member) => {
    return { call: `${symbol.name}.${member.name}`, type: checker.getNonNullableType(checker.getTypeOfSymbol(member)) }
  })
}

function bagOf(call: string, parameter: ts.Symbol, checker: ts.TypeChecker): OptionBag[] {
  const type = checker.getApparentType(checker.getNonNullableType(checker.getTypeOfSymbol(parameter)))
  const properties = type.isUnion() ? [] : checker.getPropertiesOfType(type)
  const isBag = properties.some(({ flags }) => flags & ts.SymbolFlags.Optional)
  // What has other names too, such as a topic's config, refuses them by errors of its own.
  const hasOthers = type.getStringIndexType() !== undefined
  if (!isBag || hasOthers || RECORDS.has(parameter.name) || type.getCallSignatures().length > 0) return []
  return [{ call, parameter: parameter.name, names: properties.map(({ name }) => name) }]
}
