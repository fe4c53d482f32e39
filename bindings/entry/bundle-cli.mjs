// Last step of the build: the CLI as one file with the packages it draws with inside, so that the published package depends
// on nothing for it. Leaves `dist/built` as the mark of a build that went through.
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const main = 'bindings/entry/cli/main.ts'
if (existsSync(main)) {
  await build({
    entryPoints: [main],
    outfile: 'dist/cli.js',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // `sideEffects` speaks of dist/.
    ignoreAnnotations: true,
    external: ['@assemblyscript/loader', 'msgpackr'],
    // Packages in CommonJS ask for `require`, which a module doesn't have.
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as createRequireOfCli } from 'node:module';\nconst require = createRequireOfCli(import.meta.url);",
    },
    legalComments: 'linked',
    logLevel: 'warning',
  })
  chmodSync('dist/cli.js', 0o755)
}
writeFileSync('dist/built', `${new Date().toISOString()}\n`)
