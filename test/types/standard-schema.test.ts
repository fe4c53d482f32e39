// The published types inline a part of Standard Schema's: what is inlined must fit the original, both ways.
import type { StandardSchemaV1 as Original } from '@standard-schema/spec'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import type { InferInput, InferOutput, StandardSchemaV1 } from '../../bindings/model/standard-schema.ts'

interface In {
  readonly at: string
}
interface Out {
  readonly at: Date
}
declare const original: Original<In, Out>
declare const inlined: StandardSchemaV1<In, Out>
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const isInput: Same<InferInput<typeof original>, Original.InferInput<typeof inlined>> = true
const isOutput: Same<InferOutput<typeof original>, Original.InferOutput<typeof inlined>> = true

/** Never called: it must compile. */
export const assignable: () => unknown = () => {
  const here: StandardSchemaV1<In, Out> = original
  const there: Original<In, Out> = inlined
  return [here, there]
}

test('the inlined types infer as the original ones do, and a schema library fits them', () => {
  const schema: StandardSchemaV1<unknown, number> = z.coerce.number()
  assert.equal(schema['~standard'].validate('4'), { value: 4 })
  assert.ok(isInput && isOutput)
})

test.run()
