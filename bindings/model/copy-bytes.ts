/**
 * `set` of a view, and its length, as constants of a function, as in view-length.ts: to look `set` up by name takes a
 * tenth of the copy of a record.
 */
function copier(): (target: Uint8Array, bytes: Uint8Array, length: number, position: number) => void {
  const { set } = Uint8Array.prototype
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length') ?? {}
  const lengthOf = get as (this: Uint8Array) => number
  return (target, bytes, length, position) => {
    if (lengthOf.call(bytes) !== length) throw new TypeError('a view has another length than before')
    set.call(target, bytes, position)
  }
}

/**
 * `target.set(bytes, position)` for hot paths. TypeError if `bytes` doesn't have `length` bytes: a class that is asked
 * for its length may make another view longer than there is room for.
 */
export const copyBytes: (target: Uint8Array, bytes: Uint8Array, length: number, position: number) => void = copier()
