// `node --import ./test/runner/bundles/register.mjs x.ts`: as with tsx, for a tenth of its start. Each TypeScript file that is run, or
// imported by what isn't TypeScript, comes as one file with all that it imports, from a cache that is never older than the sources.
import { register } from 'node:module'

process.setSourceMapsEnabled(true)
register('./hooks.mjs', import.meta.url)
