/** Finds the places where a source asks the runtime for time, chance or a later turn, by syntax and not by text. */
import ts from 'typescript'

const functions = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'])
const members = new Set(['Date.now', 'Math.random', 'AbortSignal.timeout'])
const objects = new Set(['performance', 'crypto'])

/** `line: what` for each use. */
export function ambientUses(path: string, text: string): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true)
  const uses: string[] = []
  const note = (node: ts.Node, what: string): void => {
    uses.push(`${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}: ${what}`)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(withoutGlobalThis(node.expression))) {
      const object = withoutGlobalThis(node.expression).getText(source)
      const member = `${object}.${node.name.text}`
      if (members.has(member) || objects.has(object)) note(node, member)
      else if (object === 'globalThis' && functions.has(node.name.text)) note(node, node.name.text)
    }
    if (ts.isIdentifier(node) && functions.has(node.text) && !isMemberName(node)) note(node, node.text)
    if (ts.isNewExpression(node) && node.expression.getText(source) === 'Date' && !node.arguments?.length)
      note(node, 'new Date()')
    if (ts.isCallExpression(node) && node.expression.getText(source) === 'Date') note(node, 'Date()')
    ts.forEachChild(node, visit)
  }
  visit(source)
  return uses
}

/** `globalThis.performance` is `performance`. */
function withoutGlobalThis(node: ts.Expression): ts.Expression {
  const global =
    ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'globalThis'
  return global ? (node.name as ts.Identifier) : node
}

/** The name in `x.name`, `{ name: ... }`, `name(): void` and the like: a member of ours, not the global. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    ((ts.isPropertyAssignment(parent) || ts.isMethodSignature(parent) || ts.isMethodDeclaration(parent)) &&
      parent.name === node) ||
    ((ts.isPropertySignature(parent) || ts.isPropertyDeclaration(parent)) && parent.name === node)
  )
}
