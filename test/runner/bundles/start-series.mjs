// One test file after the other in one process, their paths by messages: what they share is compiled once. uvu is told to wait, as its
// own command tells it. After each file the word of whoever started it ends both of its outputs, with the exit code that it would have had.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleOf } from './cache.mjs'

globalThis.UVU_DEFER = 1
globalThis.UVU_QUEUE = [[null]]
const { exec } = await import('uvu')

const [node, , word] = process.argv
process.setSourceMapsEnabled(true)
process.execArgv = ['--import', new URL('./register.mjs', import.meta.url).href]

async function run(path) {
  process.argv = [node, resolve(path)]
  globalThis.UVU_QUEUE = [[null]]
  await import(pathToFileURL(await bundleOf(resolve(path))).href)
  await exec(false)
  const end = `\n${word} ${process.exitCode}\n`
  process.exitCode = 0
  process.stdout.write(end)
  process.stderr.write(end)
}

process.on('message', async (path) => {
  // A file whose promises never settle has to end the process, which would wait for messages.
  process.channel.unref()
  await run(path)
  process.channel.ref()
})
