/**
 * What plain data between two processes must look like before anything acts on it. Clients check what programs give
 * them, and a holder answers what its engine does, so anything else was damaged on the way.
 */
export type Shape = (value: unknown) => boolean

export const text: Shape = (value) => typeof value === 'string'
export const flag: Shape = (value) => typeof value === 'boolean'
export const finite: Shape = (value) => Number.isFinite(value)
/** For offsets, partitions and counts. */
export const whole: Shape = (value) => Number.isSafeInteger(value) && (value as number) >= 0
export const wholeOrNone: Shape = (value) => Number.isSafeInteger(value) && (value as number) >= -1

export function oneOf(...words: readonly string[]): Shape {
  return (value) => words.includes(value as string)
}

export function optional(shape: Shape): Shape {
  return (value) => value === undefined || shape(value)
}

export function listOf(shape: Shape): Shape {
  return (value) => Array.isArray(value) && value.every(shape)
}

/** An object with these fields; further ones are allowed. */
export function fields(shapes: Readonly<Record<string, Shape>>): Shape {
  const each = Object.entries(shapes)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) return false
    return each.every(([name, shape]) => shape((value as Record<string, unknown>)[name]))
  }
}

export function args(...shapes: readonly Shape[]): Shape {
  return (value) => Array.isArray(value) && shapes.every((shape, index) => shape(value[index]))
}

export const place: Readonly<Record<'topic' | 'partition', Shape>> = { topic: text, partition: whole }
export const places: Shape = listOf(fields(place))
export const isolationLevel: Shape = oneOf('read_committed', 'read_uncommitted')
