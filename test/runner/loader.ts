/**
 * How this process reads TypeScript, for those that it starts: by tsx when it was started by hand, by bundles under the
 * runner.
 */
export const LOADER: readonly string[] = process.execArgv
