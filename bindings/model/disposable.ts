/**
 * `await using` for programs whose `lib` doesn't know it yet; merges with TypeScript's own declaration where there is
 * one (as @types/node does it).
 */
declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
  }
  interface AsyncDisposable {
    [Symbol.asyncDispose](): PromiseLike<void>
  }
}

export {}
