/**
 * The length of a view, whatever its class says. A bundler makes variables of constants at the top level, and the
 * compiler calls a getter in a variable instead of reading a field: so this getter stays a constant of a function.
 */
function lengthChecks() {
  const typed: unknown = Object.getPrototypeOf(Uint8Array.prototype)
  const lengthOf = Object.getOwnPropertyDescriptor(typed, 'length')?.get as (this: Uint8Array) => number
  const kindOf = Object.getOwnPropertyDescriptor(typed, Symbol.toStringTag)?.get as (this: unknown) => unknown
  return {
    isByteArray(value: unknown): value is Uint8Array {
      return kindOf.call(value) === 'Uint8Array'
    },
    saysItsLength(view: Uint8Array): boolean {
      return view.length === lengthOf.call(view)
    },
    viewLength(view: Uint8Array): number {
      const { length } = view
      if (length !== lengthOf.call(view)) throw new TypeError('a view says another length than it has')
      return length
    },
  }
}

const checks = lengthChecks()

/**
 * Whether it is a Uint8Array, of any realm: those of a context of node:vm, or of another window, are no instances of
 * this one's class. Not a proxy of one, nor what only inherits from it: those have no bytes.
 */
export const isByteArray: (value: unknown) => value is Uint8Array = checks.isByteArray

/**
 * Whether the view's `length` is what `set` copies: a class may return anything. TypeError for something that is no
 * typed array.
 */
export const saysItsLength: (view: Uint8Array) => boolean = checks.saysItsLength

/**
 * How many bytes `set` copies of the view. TypeError for something that is no typed array, or has another `length`. Hot
 * path: the property is read first, since it tells the compiler what the getter is called on.
 */
export const viewLength: (view: Uint8Array) => number = checks.viewLength

const NOTHING = new Uint8Array(0)

/**
 * A buffer that was transferred, or made smaller, leaves views without length, which look like empty ones. Engines tell
 * them apart only by refusing to copy.
 */
export function isDetached(view: Uint8Array): boolean {
  try {
    NOTHING.set(view)
    return false
  } catch {
    return true
  }
}

/** As `viewLength`. TypeError also for a view of a detached buffer: there is nothing of it to copy any more. */
export function presentLength(view: Uint8Array): number {
  const length = viewLength(view)
  if (length === 0 && isDetached(view)) throw new TypeError('a view of a detached buffer')
  return length
}

/**
 * How many bytes it has. TypeError for everything that isn't bytes: another typed array, a proxy, a class with another
 * `length`, a detached buffer. The copy by `set` fails as well if the compiler overlooks that a buffer is detached.
 */
export function bytesLength(view: Uint8Array): number {
  if (!(view instanceof Uint8Array) && !isByteArray(view)) throw new TypeError('no bytes')
  return presentLength(view)
}
