// Run by check.ts on plain Node: the suite of the package holds a driver that knows the package by its exports alone.
import { fileStoreConformance } from 'oncelog/conformance'
import { MapStore } from './driver.mjs'

/** A store that counts what it is given and keeps nothing: the suite must say so. */
class ForgetfulStore extends MapStore {
  open(path, options) {
    const file = super.open(path, options)
    return file && Object.assign(file, { write: (bytes) => bytes.length })
  }
}

async function failures(create) {
  const failed = []
  const cases = fileStoreConformance(() => {
    const store = create()
    return { store, reopen: () => store.reopen(), dispose: () => undefined }
  })
  for (const { name, run } of cases) await run().catch((error) => failed.push(`${name}: ${error.message}`))
  return { count: cases.length, failed }
}

const right = await failures(() => new MapStore())
if (right.count === 0 || right.failed.length > 0) throw new Error(`a right driver fails:\n${right.failed.join('\n')}`)
const wrong = await failures(() => new ForgetfulStore())
if (wrong.failed.length === 0) throw new Error('a driver that forgets passes')
process.stdout.write(`${right.count} cases hold for a driver, ${wrong.failed.length} fail for one that forgets\n`)
