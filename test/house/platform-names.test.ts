// A bundler may make an import of each name that is taken of a module's namespace, and an ES module that imports a name
// which its Node lacks doesn't load at all. So a namespace of Node's is only asked for names that the types of the
// oldest Node have: `fs.openSync`, and never as a value that is looked into. What newer ones have comes by the default
// import.
import ts from 'typescript'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sourcesOf } from './sources.ts'

/** `line: name` for each namespace of Node's that is used as a value. */
function namespacesAsValues(path: string, text: string): string[] {
  if (!text.includes('import * as ')) return []
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true)
  const names = new Set<string>()
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement)) continue
    const { importClause, moduleSpecifier } = statement
    const bindings = importClause?.namedBindings
    if (bindings === undefined || !ts.isNamespaceImport(bindings) || !ts.isStringLiteral(moduleSpecifier)) continue
    if (moduleSpecifier.text.startsWith('node:')) names.add(bindings.name.text)
  }
  const uses: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && names.has(node.text) && !isQualifying(node)) {
      uses.push(`${path}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}: ${node.text}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return uses
}

/** The `fs` of `fs.name`, of `import * as fs`, or a name that only looks like it, as in `x.fs`. */
function isQualifying(node: ts.Identifier): boolean {
  const { parent } = node
  return ts.isPropertyAccessExpression(parent) || ts.isQualifiedName(parent) || ts.isNamespaceImport(parent)
}

test('a namespace that is looked into is seen', () => {
  const text =
    "import * as fs from 'node:fs'\nfs.openSync('')\nconst { a } = fs as unknown as Record<string, unknown>\n"
  assert.equal(namespacesAsValues('a.ts', text), ['a.ts:3: fs'])
})

test('no source takes of a namespace what its types lack', () => {
  const uses = sourcesOf('bindings', ['.ts']).flatMap(({ path, text }) => namespacesAsValues(path, text))
  assert.equal(uses, [])
})

test.run()
