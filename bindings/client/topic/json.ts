import { LogError } from '../../model/errors.ts'
import type { InferInput, InferOutput, StandardSchemaV1 } from '../../model/standard-schema.ts'
import { type Codec, string } from './codec.ts'
import { issuePath } from './issue-path.ts'
import { assertJsonForm } from './json-form.ts'

/**
 * JSON, checked by any Standard Schema (Zod, Valibot, ArkType …). What is stored is the validated input; `decode` runs
 * the schema again and gives its output, so that transforms happen on reading. Rejects an asynchronous schema with
 * SCHEMA_ASYNC, a value that doesn't fit with RECORD_SERIALIZATION (RECORD_DESERIALIZATION when read).
 */
export function json<S extends StandardSchemaV1>(schema: S): Codec<InferInput<S>, InferOutput<S>>
/**
 * JSON of any shape: values are `unknown` until the program looks at them. Refuses what JSON can't hold, as above: bigints,
 * functions, symbols, NaN and infinities, holes of arrays, maps, sets, bytes and what else would come back as less. Dates come
 * back as text, fields that are undefined not at all.
 */
export function json(): Codec<unknown>
export function json(schema?: StandardSchemaV1): Codec<unknown> {
  return {
    encode(value) {
      if (schema !== undefined) validate(schema, value, 'RECORD_SERIALIZATION')
      assertJsonForm(value)
      return string.encode(JSON.stringify(value))
    },
    decode(bytes) {
      const value = parsed(string.decode(bytes))
      return schema === undefined ? value : validate(schema, value, 'RECORD_DESERIALIZATION')
    },
  }
}

/** The parser's own message quotes the text: only the place of the fault is told, where the engine says it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const position = /at position (\d+)/.exec((error as Error).message)?.[1]
    const where = position === undefined ? '' : ` at position ${position}`
    throw new LogError('RECORD_DESERIALIZATION', `the text is no JSON${where}`)
  }
}

function validate(schema: StandardSchemaV1, value: unknown, code: 'RECORD_SERIALIZATION' | 'RECORD_DESERIALIZATION') {
  const { vendor, validate: run } = schema['~standard']
  const result = run(value)
  if ('then' in result) {
    result.then(undefined, () => {})
    throw new LogError('SCHEMA_ASYNC', `the ${vendor} schema validates asynchronously; records are encoded at once`, {
      vendor,
    })
  }
  if (result.issues === undefined) return result.value
  const where = result.issues.map((issue) => issuePath(schema, issue))
  const message = `the value doesn't fit its ${vendor} schema at ${where.join(', ')}`
  throw new LogError(code, message, { vendor, paths: where })
}
