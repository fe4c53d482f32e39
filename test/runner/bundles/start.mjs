// `node test/runner/bundles/start.mjs x.ts`: as with register.mjs, but for who imports no TypeScript by itself: without a thread
// that resolves imports. Those that it starts get register.mjs, and no other option of its own: some run on another Node.js.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleOf } from './cache.mjs'

const [node, , path, ...words] = process.argv
process.setSourceMapsEnabled(true)
process.argv = [node, resolve(path), ...words]
process.execArgv = ['--import', new URL('./register.mjs', import.meta.url).href]
await import(pathToFileURL(await bundleOf(resolve(path))).href)
