import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerModule, PeerOptions } from '../harness/peer.ts'
import { makeRecords } from '../harness/records.ts'
import { peers } from './peer.ts'

// A rival that loses or garbles records must not be measured: what goes in comes out, in order, after a reopen too, and
// a flipped bit is noticed by those that say they check. Run it with the newer Node for node:sqlite's peers.

// A ring forgets, and encoded blobs have no index: they are there for their writes alone.
const UNREADABLE = /ring|blob/
const OPTIONS: PeerOptions = { valueBytes: 100, commit: 'small', durable: true }
const RECORDS = 900

async function checkPeer(module: PeerModule, variant: string, readable: boolean, directory: string): Promise<string> {
  const records = makeRecords(RECORDS, 100)
  const text = (bytes: Uint8Array | string): string => {
    return typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1')
  }
  const expected = records.map((record) => text(record.key) + text(record.value))
  let peer = module.createPeer(variant)
  await peer.open(directory, OPTIONS)
  for (let at = 0; at < RECORDS; at += 100) await peer.appendBatch(records.slice(at, at + 100), true)
  if ((await peer.nextOffset()) !== RECORDS) return `holds ${await peer.nextOffset()} records`
  const seen: string[] = []
  const visit = (key: Uint8Array | string, value: Uint8Array | string): void => void seen.push(text(key) + text(value))
  if (peer.read !== undefined && readable) {
    for (const offset of [0, 1, 99, 100, RECORDS - 1]) {
      await peer.read(offset, visit)
      if (seen.pop() !== expected[offset]) return `other bytes at offset ${offset}`
    }
  }
  await peer.close()
  if (peer.scan === undefined || !readable) return 'ok'
  peer = module.createPeer(variant)
  await peer.open(directory, { ...OPTIONS, commit: 'bulk' })
  await peer.scan?.(visit)
  await peer.close()
  if (seen.length !== RECORDS || seen.some((one, at) => one !== expected[at])) return `scan gave ${seen.length} others`
  if (!peer.checksReads) return 'ok'
  const file = join(directory, readdirSync(directory).sort()[0] as string)
  const bytes = readFileSync(file)
  bytes[5000] = (bytes[5000] as number) ^ 1
  writeFileSync(file, bytes)
  peer = module.createPeer(variant)
  await peer.open(directory, OPTIONS)
  seen.length = 0
  const after = (await peer.scan?.(visit)) ?? 0
  await peer.close()
  return after < RECORDS ? 'ok' : 'a flipped bit went unnoticed'
}

const root = mkdtempSync(join(tmpdir(), 'oncelog-peers-'))
const newer = Number(process.versions.node.split('.')[0]) >= 24
let failed = 0
for (const peer of peers) {
  if (peer.name === 'noop' || newer !== (peer.runtime !== undefined)) continue
  const directory = join(root, peer.name)
  mkdirSync(directory)
  const module = (await import(peer.module.href)) as PeerModule
  const verdict = await checkPeer(module, peer.variant, !UNREADABLE.test(peer.name), directory)
  if (verdict !== 'ok') failed++
  process.stdout.write(`${peer.name.padEnd(30)}${verdict}\n`)
}
rmSync(root, { recursive: true, force: true })
process.exitCode = failed === 0 ? 0 : 1
