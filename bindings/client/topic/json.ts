import { LogError } from '../../model/errors.ts'
import type { InferInput, InferOutput, StandardSchemaV1 } from '../../model/standard-schema.ts'
import { wrongArgument } from '../options.ts'
import { type Codec, sharesNoMemory, string } from './codec.ts'
import { issuePath } from './issue-path.ts'
import { jsonText } from './json-form.ts'

/**
 * JSON, checked by any Standard Schema (Zod, Valibot, ArkType …). The validated input is stored; reading runs the
 * schema again and gives its output, so transforms happen on reading. A value that doesn't fit throws
 * RECORD_SERIALIZATION when it is sent and RECORD_DESERIALIZATION when it is read; an asynchronous schema throws
 * SCHEMA_ASYNC, whichever way the value goes. Throws INVALID_REQUEST for what is no schema of the standard.
 */
export function json<S extends StandardSchemaV1>(schema: S): Codec<InferInput<S>, InferOutput<S>>
/**
 * JSON of any shape: values have the type `unknown` when they are read; `unchecked<Payment>(json())` gives them one
 * that nothing checks. RECORD_SERIALIZATION for what JSON would lose in silence: bigints, functions, symbols, NaN and
 * infinities, holes in arrays, maps, sets, bytes (a Buffer too) and the like. Dates come back as text, and fields that
 * are undefined don't come back.
 */
export function json(): Codec<unknown>
export function json(schema?: StandardSchemaV1): Codec<unknown> {
  if (schema !== undefined && !isSchema(schema))
    throw wrongArgument('schema', 'a Standard Schema, as those of Zod (from 3.24 on), Valibot and ArkType are')
  return sharesNoMemory<Codec<unknown>>({
    encode(value) {
      if (schema !== undefined) validate(schema, value, 'RECORD_SERIALIZATION')
      return string.encode(jsonText(value))
    },
    decode(bytes) {
      const value = parsed(string.decode(bytes))
      return schema === undefined ? value : validate(schema, value, 'RECORD_DESERIALIZATION')
    },
  })
}

/** ArkType's are functions. */
function isSchema(schema: Partial<StandardSchemaV1> | null): boolean {
  return typeof schema?.['~standard']?.validate === 'function'
}

/** The parser's own message quotes the text: only the position is told, where the engine says it. */
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
