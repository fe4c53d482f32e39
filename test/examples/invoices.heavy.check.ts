// Two years' sales of a shop, exactly once: each invoice is one transaction, its workers and the holder of the log are
// killed with SIGKILL on the way, and a reader beside them never sees part of an invoice. The sum comes out to the last
// digit.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { parse } from 'csv-parse'
import { open } from 'oncelog'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { copies, totals } from '../../examples/totals/totals.ts'
import { LOADER } from '../runner/loader.ts'
import { scratchDirectory } from '../scratch.ts'

const SALES = fileURLToPath(new URL('../../../shared/data/online-retail.csv.gz', import.meta.url))
const INVOICES = 25_900
const LINES = 541_909
/** 9,747,747.934 */
const SUM_THOUSANDTHS = 9_747_747_934

const home = scratchDirectory('invoices')
test.after(() => rmSync(home, { recursive: true, force: true }))

/** A line of an invoice; prices have three decimals at most, so that every amount is a whole number of thousandths. */
interface Sale {
  readonly invoice: string
  readonly customer: string
  readonly line: number
  readonly item: string
  readonly thousandths: number
}

/** Digits of a decimal number as a whole number, without floating point on the way. */
function inThousandths(price: string): number {
  const [whole = '', decimals = ''] = price.split('.')
  assert.ok(/^-?\d+$/.test(whole) && /^\d{0,3}$/.test(decimals), price)
  const digits = Number(whole.replace('-', '') + decimals.padEnd(3, '0'))
  return whole.startsWith('-') ? -digits : digits
}

/** Lines by invoice: those of one follow one another in the file but for one invoice. */
async function invoices(): Promise<Map<string, Sale[]>> {
  const found = new Map<string, Sale[]>()
  const text = createReadStream(SALES)
    .pipe(createGunzip())
    .pipe(parse({ columns: true }))
  for await (const row of text as AsyncIterable<Record<string, string>>) {
    const { InvoiceNo: invoice = '', CustomerID: customer = '', StockCode: item = '' } = row
    const quantity = Number(row['Quantity'])
    assert.ok(Number.isSafeInteger(quantity))
    const lines = found.get(invoice) ?? []
    const thousandths = quantity * inThousandths(row['UnitPrice'] ?? '')
    lines.push({ invoice, customer, line: lines.length, item, thousandths })
    found.set(invoice, lines)
  }
  return found
}

async function run(input: string, directory: string): Promise<string> {
  const words = ['--input', input, '--key', 'customer', '--transaction', 'invoice', '--directory', directory]
  const child = spawn(process.execPath, [...LOADER, 'examples/totals/main.ts', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  const [status] = (await once(child, 'close')) as [number | null]
  assert.is(status, 0, out)
  return out
}

interface Found {
  lines: number
  sum: number
  readonly byInvoice: Map<string, number>
}

/** Of what was copied; each line once, in the transaction of its invoice, which is whole. */
async function copied(directory: string): Promise<Found & { readonly sumOfState: number }> {
  const log = await open(directory)
  try {
    const found: Found = { lines: 0, sum: 0, byInvoice: new Map() }
    const seen = new Set<string>()
    for await (const { value } of log.read(copies, { until: 'end' })) {
      if (value === null) throw new Error('a copy without a value')
      const { row, transaction, size } = value
      const sale = row as unknown as Sale
      assert.is(transaction, sale.invoice)
      seen.add(`${sale.invoice}/${sale.line}`)
      found.lines++
      found.sum += sale.thousandths
      found.byInvoice.set(sale.invoice, size)
    }
    assert.is(seen.size, found.lines, 'a line is there twice')
    const newest = new Map<string, number>()
    for await (const { key, value } of log.read(totals, { until: 'end' })) {
      newest.set(key ?? '', value?.sums['thousandths'] ?? 0)
    }
    return { ...found, sumOfState: [...newest.values()].reduce((sum, each) => sum + each, 0) }
  } finally {
    await log.close()
  }
}

test('25,900 invoices, one transaction each, through kills of workers and holder', async () => {
  if (!existsSync(SALES)) return console.log(`NOT RUN: real sales, needs ${SALES}`)
  const expected = await invoices()
  assert.is(expected.size, INVOICES)
  const input = join(home, 'sales.ndjson')
  const lines = [...expected.values()].flat()
  writeFileSync(input, lines.map((sale) => `${JSON.stringify(sale)}\n`).join(''))
  const directory = join(home, 'log')
  const out = await run(input, directory)
  console.log(out)
  const [, kills, again] = /killed {3}(\d+) consumers with SIGKILL; (\d+) records came again/.exec(out) ?? []
  const [, holderKills] = /(\d+) of them held the log/.exec(out) ?? []
  assert.ok(Number(kills) >= 20 && Number(holderKills) >= 3 && Number(again) > 0)
  assert.match(out, /every transaction was whole/)

  const found = await copied(directory)
  assert.is(found.lines, LINES)
  assert.is(found.sum, SUM_THOUSANDTHS)
  assert.is(found.sumOfState, SUM_THOUSANDTHS)
  assert.is(found.byInvoice.size, INVOICES)
  for (const [invoice, sales] of expected) assert.is(found.byInvoice.get(invoice), sales.length, invoice)
})

test.run()
