// Texts become UTF-8 in memory that they share: each gets its own part of it, whatever came before.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeText } from '../../bindings/client/topic/encode-text.ts'
import { json, string, topic, unchecked } from '../../bindings/entry/node.ts'
import { SharedBlocks } from '../../bindings/model/batch-memory.ts'

const encoder = new TextEncoder()
/** One, two, three and four bytes of UTF-8 each. */
const LETTERS = ['a', 'é', '€', '𝄞']

function texts(): string[] {
  const made = ['', '\0', '\uFEFFa', 'a'.repeat(682), 'a'.repeat(683), '€'.repeat(682), '€'.repeat(683)]
  for (const letter of LETTERS) {
    for (const other of LETTERS) {
      for (let length = 1; length <= 20; length++)
        made.push(letter.repeat(length) + other, other + letter.repeat(length))
    }
  }
  return made
}

test('texts of every width are what a TextEncoder makes of them', () => {
  for (const text of texts()) assert.equal([...encodeText(text)], [...encoder.encode(text)], JSON.stringify(text))
})

test('no text changes one that was encoded before it, over several blocks', () => {
  const all = [...texts(), ...texts()]
  const encoded = all.map((text) => encodeText(text))
  for (const [index, text] of all.entries()) assert.equal(encoded[index], encoder.encode(text), JSON.stringify(text))
})

test('a text’s bytes can be written over without a change of any other', () => {
  const all = texts()
  const encoded = all.map((text) => encodeText(text))
  for (let index = 0; index < all.length; index += 2) encoded[index]?.fill(255)
  for (let index = 1; index < all.length; index += 2) assert.equal(encoded[index], encoder.encode(all[index]))
})

test('records that are made together keep their own keys and values', () => {
  const notes = topic('notes', { key: string, value: unchecked<{ note: string }>(json()) })
  const all = texts()
  const records = all.map((text) => notes.record({ key: text, value: { note: text } }))
  for (const [index, { key, value }] of records.entries()) {
    assert.is(string.decode(key as Uint8Array), all[index])
    assert.equal(notes.value.decode(value as Uint8Array), { note: all[index] })
  }
})

test('what is taken of a block is free again after its end, in steps of eight', () => {
  const blocks = new SharedBlocks(1024)
  const first = blocks.shorten(blocks.take(100), 9)
  const second = blocks.take(3)
  assert.is(first.length, 9)
  assert.is(second.buffer, first.buffer)
  assert.is(second.byteOffset, 16)
})

test('the end of what has memory of its own frees nothing of a block', () => {
  const blocks = new SharedBlocks(1024)
  const first = blocks.take(8)
  assert.is(blocks.shorten(blocks.take(1000), 9).length, 9)
  assert.is(blocks.take(1).byteOffset, first.byteOffset + 8)
})

test.run()
