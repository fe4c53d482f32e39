const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length') ?? {}
const lengthOf = get as (this: Uint8Array) => number

/** How many bytes `set` copies of it, whatever a class of its own answers as its `length`. TypeError for what is no typed array. */
export function viewLength(view: Uint8Array): number {
  return lengthOf.call(view)
}
