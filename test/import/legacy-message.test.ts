// A message before Kafka 0.11 may have 128 MiB: others have their turns while its checksum is computed.
import { crc32 } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { holdsLegacyMessage } from '../../bindings/log/import/legacy-message.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const MESSAGE_BYTES = 1_000_003

function message(): Buffer {
  const bytes = Buffer.alloc(MESSAGE_BYTES, 7)
  bytes.fill(0, 0, 26)
  bytes.writeInt32BE(MESSAGE_BYTES - 12, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(16)), 12)
  return bytes
}

function looked(bytes: Uint8Array): { readonly isMessage: boolean; readonly turns: number } {
  const file = new VirtualDisk().open('t-0/00000000000000000000.log', { create: true })
  assert.ok(file)
  file.write(bytes, 5)
  const task = holdsLegacyMessage(file, 5)
  let turns = 0
  for (let step = task.next(); ; step = task.next()) {
    if (step.done === true) return { isMessage: step.value, turns }
    turns++
  }
}

test('a large one is known, with turns in between', () => {
  const { isMessage, turns } = looked(message())
  assert.ok(isMessage)
  assert.ok(turns >= 4, `${turns}`)
})

test('one with a flipped bit at its very end is none', () => {
  const bytes = message()
  bytes.writeUInt8(6, bytes.length - 1)
  assert.not(looked(bytes).isMessage)
  assert.not(looked(message().subarray(0, -1)).isMessage)
})

test.run()
