/**
 * Every code of the error table is provoked, and the log is afterwards what docs/errors.md says. Where that is
 * "Unchanged", everything a program can ask of the log is the same before and after the refusal, and the next record is
 * taken. Each says where, by the names that its details have.
 */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ERRORS, type ErrorCode } from '../../bindings/model/error-table.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { byClients } from './by-clients.ts'
import { bySessions } from './by-sessions.ts'
import { byStorage } from './by-storage.ts'
import { NAMED } from './details.ts'
import type { Provocation, Refusal } from './provocation.ts'
import { factsOf, openStage, type Stage } from './stage.ts'

const provocations: Partial<Record<ErrorCode, Provocation>> = { ...byClients, ...bySessions, ...byStorage }
const codes = Object.keys(ERRORS) as ErrorCode[]
const page = readFileSync('docs/errors.md', 'utf8')

function textOf(code: ErrorCode): string {
  return page.split(/^### /m).find((part) => part.startsWith(`\`${code}\``)) ?? ''
}

test('every code is provoked', () => {
  assert.equal(
    codes.filter((code) => provocations[code] === undefined),
    [],
  )
})

test('JSON of an error has its message and all that it says else', () => {
  const error = new LogError('INVALID_CONFIG', 'why', { key: 'k' })
  const { name, code, category, kafkaCode, hint, details } = error
  const all = { message: 'why', name, code, category, kafkaCode, hint, details }
  assert.equal(JSON.parse(JSON.stringify({ error })), { error: all })
})

test('docs/errors.md has the category, the number and the state of each', () => {
  for (const code of codes) {
    const [category, kafkaCode] = ERRORS[code]
    const head = kafkaCode === undefined ? `\n${category}.\n` : `\n${category}, Kafka's ${kafkaCode}.\n`
    assert.ok(textOf(code).includes(head), code)
    assert.match(textOf(code), /- When: .*\n- The log afterwards: .*\n- What to do: /, code)
  }
})

async function staged(): Promise<Stage> {
  const stage = await openStage()
  await stage.log.admin.createTopic('t')
  await stage.log.producer().send(['1', '2', '3'].map((value) => ({ topic: 't', value })))
  return stage
}

async function refusal({ call }: Pick<Refusal, 'call'>): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return undefined
}

async function judgeUnchanged({ log }: Stage, before: string): Promise<void> {
  assert.is(await factsOf(log), before)
  await log.producer().send({ topic: 't', value: 'and on' })
}

function judgeDetails(code: ErrorCode, { category, details, message }: LogError): void {
  assert.is(category, ERRORS[code][0])
  const names = Object.keys(details).filter((name) => details[name] !== undefined)
  assert.equal(names.sort(), [...(NAMED[code] ?? ['unlisted'])].sort(), message)
}

for (const [code, provoke] of Object.entries(provocations)) {
  test(code, async () => {
    const stage = await staged()
    const made = await provoke(stage)
    const { call, after } = typeof made === 'function' ? { call: made, after: undefined } : made
    const before = after === undefined ? await factsOf(stage.log) : ''
    const error = await refusal({ call })
    assert.ok(LogError.is(error, code), `${code}: ${String(error)}`)
    judgeDetails(code as ErrorCode, error as LogError)
    if (after !== undefined) await after()
    else await judgeUnchanged(stage, before)
  })
}

test.run()
