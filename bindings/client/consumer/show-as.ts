/** Makes `console.log` of Node and Bun show something else for objects of a class. */
export function showAs<T extends object>({ prototype }: { readonly prototype: T }, shown: (object: T) => object): void {
  Object.defineProperty(prototype, Symbol.for('nodejs.util.inspect.custom'), {
    value(this: T): object {
      return shown(this)
    },
  })
}
