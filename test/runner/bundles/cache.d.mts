/** Path of the bundle of a TypeScript file, which is made if there is none of its sources as they are. */
export declare function bundleOf(path: string): Promise<string>

/** Makes those that aren't there yet, all at once: what they share is read once. Answers their paths. */
export declare function makeBundles(paths: readonly string[]): Promise<readonly string[]>

/** Removes those of files that are gone, and those that were replaced. */
export declare function dropForgotten(): void
