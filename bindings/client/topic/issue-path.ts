import type { StandardIssue, StandardSchemaV1 } from '../../model/standard-schema.ts'

/** Larger indexes aren't tried. */
const PROBED_INDEX_MAX = 1000

/**
 * Where a value doesn't fit its schema, without any content of the value. A schema's own message may quote the value,
 * so it is left out. A key may be a field's name or, in a map, content: it is told only if the schema misses it in an
 * empty object at that place, because then it is the schema's own; any other stands as `*`.
 */
export function issuePath(schema: StandardSchemaV1, { path = [] }: StandardIssue): string {
  if (path.length === 0) return 'its root'
  const keys = path.map(keyOf)
  return keys.map((key, depth) => (isOfSchema(schema, keys.slice(0, depth), key) ? String(key) : '*')).join('.')
}

function keyOf(part: PropertyKey | { readonly key: PropertyKey }): PropertyKey {
  return typeof part === 'object' ? part.key : part
}

function isOfSchema(schema: StandardSchemaV1, above: readonly PropertyKey[], key: PropertyKey): boolean {
  if (typeof key === 'number') return true
  try {
    const result = schema['~standard'].validate(above.reduceRight(around, {}))
    if ('then' in result || result.issues === undefined) return false
    const wanted = [...above, key]
    return result.issues.some(({ path = [] }) => {
      return path.length >= wanted.length && wanted.every((each, depth) => keyOf(path[depth] as PropertyKey) === each)
    })
  } catch {
    return false
  }
}

function around(inner: unknown, key: PropertyKey): unknown {
  if (typeof key !== 'number') return { [key]: inner }
  const list: unknown[] = []
  if (key <= PROBED_INDEX_MAX) list[key] = inner
  return list
}
