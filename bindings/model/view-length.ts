const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length') ?? {}
const lengthOf = get as (this: Uint8Array) => number

/**
 * Whether `set` copies as much of it as it says: a class may answer what it likes. TypeError for what is no typed
 * array.
 */
export function saysItsLength(view: Uint8Array): boolean {
  return view.length === lengthOf.call(view)
}

/**
 * How many bytes `set` copies of it. TypeError for what is no typed array, or says something else. Hot path: the
 * property comes first, since the compiler knows by it what the getter is asked about.
 */
export function viewLength(view: Uint8Array): number {
  const { length } = view
  if (length !== lengthOf.call(view)) throw new TypeError('a view says another length than it has')
  return length
}
