import { build } from 'esbuild'

/** A program of the tests as one file, which starts at once, wherever and as whoever. */
export async function bundleProgram(source: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    ignoreAnnotations: true,
    logLevel: 'warning',
    // Packages in CommonJS ask for `require`, which a module doesn't have.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
  })
}
