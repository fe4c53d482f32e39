// Last step of the build: the CLI as one file with the packages it draws with inside, so that the published package depends
// on nothing for it. Leaves `dist/built` as the mark of a build that went through. Tests bundle it elsewhere.
import { chmodSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

export async function bundleCli(outfile) {
  await build({
    entryPoints: ['bindings/entry/cli/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // Nobody reads it, and it is the largest file of the package by far. Names stay, for the traces of errors.
    minifyWhitespace: true,
    // The package has zstd's module once, for both.
    external: ['@assemblyscript/loader', 'msgpackr', '#zstd'],
    // Packages in CommonJS ask for `require`, which a module doesn't have.
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as createRequireOfCli } from 'node:module';\nconst require = createRequireOfCli(import.meta.url);",
    },
    legalComments: 'linked',
    logLevel: 'warning',
  })
  chmodSync(outfile, 0o755)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await bundleCli('dist/cli.js')
  writeFileSync('dist/built', `${new Date().toISOString()}\n`)
}
