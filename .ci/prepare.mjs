// Makes a fresh clone usable before `npm test`, `npm start` and `npm pack`: installs what package-lock.json names when
// node_modules is missing, and builds when a source is newer than what was built from it. Plain Node, since nothing else is
// there yet.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

function npm(...words) {
  const done = spawnSync('npm', words, { stdio: 'inherit', shell: process.platform === 'win32' })
  if (done.status !== 0) {
    process.stderr.write(`npm ${words.join(' ')} failed\n`)
    process.exit(done.status ?? 1)
  }
}

/** Time of the newest file below `folder`. What is generated there doesn't count: it follows the build. */
function newestMs(folder) {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || entry.name === 'kernel-bytes.ts') continue
    newest = Math.max(newest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs)
  }
  return newest
}

const outputs = ['build/kernel.wasm', 'bindings/kernel/kernel-bytes.ts', 'dist/built']

function isStale() {
  if (outputs.some((path) => !existsSync(path))) return true
  const sources = [newestMs('assembly'), newestMs('bindings')]
  for (const file of ['asconfig.json', 'package.json', 'tsconfig.json', 'tsconfig.build.json'])
    sources.push(statSync(file).mtimeMs)
  return Math.max(...sources) > statSync('dist/built').mtimeMs
}

if (!existsSync('node_modules/.package-lock.json')) npm('ci', '--no-audit', '--no-fund')
if (isStale()) npm('run', 'build')
