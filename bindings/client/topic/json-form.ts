import { LogError } from '../../model/errors.ts'

/** The value's JSON; RECORD_SERIALIZATION for a value that JSON would lose in silence. */
export function jsonText(value: unknown): string {
  assertJsonForm(value)
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw noForm('a value whose toJSON gives undefined')
  return text
}

/**
 * Refuses what `JSON.stringify` would silently leave out or write as something else: what is stored is what was meant,
 * or nothing. Names no field, since names may be content.
 */
function assertJsonForm(value: unknown): void {
  if (value === null) return
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return
    case 'number':
      if (!Number.isFinite(value)) throw noForm(`the number ${value}`)
      return
    case 'object':
      return assertObjectForm(value)
    default:
      // Programs may give BigInt a `toJSON`.
      if (typeof (value as { toJSON?: unknown } | undefined)?.toJSON !== 'function')
        throw noForm(`a value of type ${typeof value}`)
  }
}

function assertObjectForm(object: object): void {
  if (Array.isArray(object)) {
    // By index, because `forEach` passes over the holes of a sparse array.
    for (let index = 0; index < object.length; index++) assertJsonForm(object[index])
    return
  }
  // Before `toJSON` is looked for: that of Node's Buffer makes an object, and the reader would get that.
  if (ArrayBuffer.isView(object)) throw noForm(kindOf(object))
  const { toJSON } = object as { toJSON?: unknown }
  if (typeof toJSON === 'function') {
    if (object instanceof Date && Number.isNaN(object.getTime())) throw noForm('an invalid date')
    return
  }
  const names = Object.keys(object)
  if (!isPlain(object) && (names.length === 0 || keepsMore(object))) throw noForm(kindOf(object))
  for (const name of names) {
    const field = (object as Record<string, unknown>)[name]
    // A field that is undefined is left out, which reads the same.
    if (field !== undefined) assertJsonForm(field)
  }
}

/** An object of a class without fields of its own keeps its content elsewhere: a Map, a Set, an Error. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

/** Whose fields are beside their content: that of an error of the system is its `code`, and JSON has no message of it. */
const WITH_MORE: ReadonlySet<string> = new Set(['Error', 'Map', 'Set', 'RegExp', 'ArrayBuffer', 'SharedArrayBuffer'])

function keepsMore(object: object): boolean {
  return WITH_MORE.has(className(object))
}

/** Of any realm. */
function className(object: object): string {
  return Object.prototype.toString.call(object).slice('[object '.length, -1)
}

function kindOf(object: object): string {
  const kind = className(object)
  return `${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}`
}

function noForm(what: string): LogError {
  return new LogError('RECORD_SERIALIZATION', `${what} has no JSON form`)
}
