// Compressed batches in a directory: sent by an attached log, found again by the next open, seen by the command line.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, open } from '../../bindings/entry/node.ts'
import { COMPRESSION_TYPES } from '../../bindings/model/compression.ts'
import { CommandLine } from '../cli/support.ts'
import { newKernel } from '../kernel/support.ts'

const commandLine = new CommandLine()
test.after(() => commandLine.remove())

let root = ''
test.before.each(() => {
  root = mkdtempSync(join(tmpdir(), 'oncelog-compression-'))
})
test.after.each(() => rmSync(root, { recursive: true, force: true }))

const rows = Array.from({ length: 100 }, (_, index) => ({
  topic: 't',
  key: `k${index}`,
  value: `again and again ${index}`,
}))
const expected = [...COMPRESSION_TYPES, ...COMPRESSION_TYPES].flatMap(() => rows.map(({ value }) => value))

async function values(log: EmbeddedLog): Promise<string[]> {
  const read: string[] = []
  for await (const { value } of log.read('t', { until: 'end' })) read.push(Buffer.from(value ?? []).toString())
  return read
}

function cli(words: readonly string[]): string {
  const { status, out, err } = commandLine.run(words)
  assert.is(status, 0, err)
  return out
}

test('an attached log compresses, plain and in transactions; the holder, the next open and the command line read it', async () => {
  const holder = await open(root)
  const attached = await open(root)
  assert.is(attached.role, 'attached')
  await holder.admin.createTopic('t', { partitions: 1 })
  for (const compression of COMPRESSION_TYPES) {
    await attached.producer({ compression }).send(rows)
    const producer = attached.producer({ compression, transactionalId: compression })
    await producer.transaction((transaction) => transaction.send(rows))
  }
  const offsets = expected.length + COMPRESSION_TYPES.length
  assert.equal(await values(attached), expected)
  assert.equal(await values(holder), expected)
  await attached.close()
  await holder.close()

  const again = await open(root)
  assert.ok(again.recovery.clean)
  assert.equal(await values(again), expected)
  assert.is((await again.admin.offsets([{ topic: 't', partition: 0 }]))[0]?.highWatermark, offsets)
  await again.close()

  const segment = join(root, 't-0', readdirSync(join(root, 't-0')).find((name) => name.endsWith('.log')) as string)
  const batches = cli(['inspect', segment, '--json'])
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { attributes: number })
  const codecs = batches.filter(({ attributes }) => (attributes & 0x20) === 0).map(({ attributes }) => attributes & 7)
  assert.equal(codecs, [1, 1, 2, 2, 3, 3, 4, 4])
  const records = cli(['inspect', segment, '--contents', '--json'])
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { value: string })
  assert.equal(
    records.map(({ value }) => value).filter((value) => value.startsWith('again')),
    expected,
  )
  cli(['verify', root])
})

test('verify finds and places a batch that is whole, and compressed wrongly', async () => {
  const log = await open(root)
  await log.admin.createTopic('t')
  for (const compression of COMPRESSION_TYPES) await log.producer({ compression }).send(rows)
  await log.close()
  const segment = join(root, 't-0', '00000000000000000000.log')
  const bytes = new Uint8Array(readFileSync(segment))
  const view = new DataView(bytes.buffer)
  const first = view.getInt32(8) + 12
  const size = view.getInt32(first + 8) + 12
  // Inside of the second batch, under a right CRC.
  for (let at = first + 90; at < first + 120; at++) bytes[at] = 0xff
  view.setUint32(first + 17, newKernel().crc32cOf(bytes.subarray(first + 21, first + size)))
  writeFileSync(segment, bytes)
  const { status, out, err } = commandLine.run(['verify', root])
  assert.is(status, 1, err)
  assert.match(out + err, 'bad-compression')
  assert.match(out + err, String(first))
})

test.run()
