import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import {
  countFrom,
  durationMs,
  startPoint,
  topicPartitions,
  wholeNumber,
} from '../../../bindings/entry/cli/arguments.ts'
import { type InputFormat, type Line, readLines } from '../../../bindings/entry/cli/input.ts'
import { type Bytes, copyOf, expect, type FuzzTarget, Refused, sameJson } from '../target.ts'

const encoder = new TextEncoder()
const NDJSON = '{"id":1,"name":"ada"}\n{"id":2,"name":null}\r\n\n{"id":"3","deep":{"a":[1]}}\n'
const CSV = 'id,name,text\n1,ada,"a, ""quoted"" text"\r\n2,,"two\nlines"\n3,eve,plain\n'
const LINES = 'key:value\nno key\r\n:empty\nä:ö'
const FORMATS: readonly InputFormat['format'][] = ['lines', 'ndjson', 'csv']

/** The first byte says the format, the second how the rest is cut into pieces. */
function inputOf(format: number, text: string | Uint8Array): Bytes {
  return new Uint8Array([format, 7, ...(typeof text === 'string' ? encoder.encode(text) : text)])
}

type ReadLines = typeof readLines

export function inputTarget(read: ReadLines = readLines): FuzzTarget {
  const texts = [LINES, NDJSON, CSV]
  return {
    name: 'input of the command line',
    share: 7,
    whole: texts.flatMap((text, format) => [inputOf(format, text), inputOf(format, gzipSync(text))]),
    async take(bytes) {
      const format = FORMATS[(bytes[0] ?? 0) % FORMATS.length] as InputFormat['format']
      const content = bytes.slice(2)
      const how = {
        format,
        keySeparator: format === 'lines' ? ':' : undefined,
        keyField: format === 'lines' ? undefined : 'id',
        recordBytesMax: 1_048_588,
      }
      const found: Line[] = []
      const pieces = Readable.from(cut(content, 1 + ((bytes[1] ?? 0) % 40)), { objectMode: false })
      for await (const lines of read(pieces, how, new AbortController().signal)) found.push(...lines)
      // What is zipped counts by what comes out, which zlib has checked.
      if (content[0] === 0x1f && content[1] === 0x8b) return
      check(format, content, found)
    },
  }
}

function* cut(bytes: Bytes, size: number): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size))
}

/** Every byte of the input is in the lines, in order, and nothing else. */
function check(format: InputFormat['format'], content: Bytes, found: readonly Line[]): void {
  const text = Buffer.from(content).toString('latin1')
  const of = (part: string | Uint8Array | null) => (part === null ? null : Buffer.from(part).toString('latin1'))
  const expected = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n').map((line) => line.replace(/\r$/, ''))
  if (format === 'lines') {
    const lines = text === '' ? [] : expected
    sameJson(
      found.map(({ key, value }) => (key === null ? of(value) : `${of(key)}:${of(value)}`)),
      lines,
      'the lines',
    )
  }
  if (format === 'ndjson')
    sameJson(
      found.map(({ value }) => of(value)),
      expected.filter((line) => line !== ''),
      'the lines',
    )
  if (format === 'csv') {
    for (const { value } of found) {
      const row = JSON.parse(String(value)) as Record<string, unknown>
      expect(
        Object.values(row).every((each) => typeof each === 'string'),
        () => 'a row with holes',
      )
    }
  }
}

/** Options and arguments: what is taken is said in no other way. */
export function argumentTarget(count: (text: string) => number = countFrom(0)): FuzzTarget {
  const texts = [
    '0',
    '12',
    '9007199254740991',
    '-5',
    'earliest',
    '2026-11-26T09:00Z',
    '1700000000000',
    'P1DT2H3M4.5S',
    'pay:0,2',
    'pay',
  ]
  return {
    name: 'arguments of the command line',
    share: 20,
    whole: texts.map((text) => encoder.encode(text)),
    take(bytes) {
      const text = Buffer.from(copyOf(bytes)).toString('utf8')
      const readings: readonly (() => void)[] = [
        () => expect(isNumberOf(text, count(text)), () => text),
        () => expect(isNumberOf(text, wholeNumber(text)), () => text),
        () => checkStart(text, startPoint(text)),
        () => checkPlaces(text, topicPartitions(text)),
        () => checkDuration(text, durationMs(text)),
      ]
      let refused = 0
      for (const reading of readings) {
        try {
          reading()
        } catch (error) {
          if ((error as { code?: unknown }).code !== 'commander.invalidArgument') throw error
          refused++
        }
      }
      if (refused === readings.length) throw new Refused('no argument')
    },
  }
}

function isNumberOf(text: string, value: number): boolean {
  const plain = text.replace(/^(-?)0+(?=\d)/, '$1')
  return String(value) === (plain === '-0' ? '0' : plain)
}

function checkStart(text: string, start: ReturnType<typeof startPoint>): void {
  if (typeof start === 'string') return expect(start === text, () => text)
  expect(Number.isSafeInteger(start.timestamp) && start.timestamp >= 0, () => `${text} is ${start.timestamp}`)
  if (/^\d+$/.test(text)) expect(isNumberOf(text, start.timestamp), () => `${text} is ${start.timestamp}`)
}

function checkDuration(text: string, milliseconds: number): void {
  const letters = text.replace(/[^A-Za-z]/g, '').toUpperCase()
  expect(/^P(?!$)D?(?:T(?!$)H?M?S?)?$/.test(letters), () => text)
  expect(Number.isSafeInteger(milliseconds) && milliseconds >= 0, () => `${text} is ${milliseconds}`)
}

function checkPlaces(text: string, places: readonly unknown[]): void {
  const said = places.map((place) => (typeof place === 'string' ? place : (place as { partition: number }).partition))
  const [first] = places
  if (typeof first === 'string') return expect(text === first, () => text)
  const { topic } = first as { topic: string }
  const numbers = text
    .slice(topic.length + 1)
    .split(',')
    .map(Number)
  sameJson(said, numbers, text)
}
