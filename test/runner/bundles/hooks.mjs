import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundleOf } from './cache.mjs'

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context)
  const url = new URL(found.url)
  if (url.protocol !== 'file:' || !url.pathname.endsWith('.ts')) return found
  const bundle = pathToFileURL(await bundleOf(fileURLToPath(url)))
  bundle.search = url.search
  return { url: bundle.href, format: 'module', shortCircuit: true }
}
