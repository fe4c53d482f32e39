import { basename, dirname, join } from 'node:path'
import { build } from 'esbuild'

/**
 * The source as plain JavaScript, as users run it: beside the packages it imports, which stay outside. Answers where it
 * is.
 */
export async function bundled(source: string): Promise<string> {
  const outfile = join(dirname(source), 'node_modules', '.bench', `${basename(source, '.ts')}.mjs`)
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  })
  return outfile
}
