/**
 * The part of Standard Schema's types that a codec needs, inlined so that the published types name no other package.
 * After @standard-schema/spec 1.1.0, under its licence:
 *
 * MIT License
 *
 * Copyright (c) 2024 Colin McDonnell
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  /** What a schema library puts here; programs don't touch it. */
  readonly '~standard': StandardSchemaProps<Input, Output>
}

/** Version, vendor and the validating function of a schema. */
export interface StandardSchemaProps<Input, Output> {
  /** The version of the standard. */
  readonly version: 1
  /** The schema library's name. */
  readonly vendor: string
  /** Answers at once or, for asynchronous schemas, later (SCHEMA_ASYNC here). */
  readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
  /** Never there at run time: it carries the types. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined
}

/** A value that fits, or why it doesn't. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

/** One place where a value doesn't fit. */
export interface StandardIssue {
  /** The library's words; they may quote the value, so errors here don't. */
  readonly message: string
  /** Keys from the root of the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What a schema takes: the type that is sent. */
export type InferInput<S extends StandardSchemaV1> = NonNullable<S['~standard']['types']>['input']
/** What a schema gives: the type that is read. */
export type InferOutput<S extends StandardSchemaV1> = NonNullable<S['~standard']['types']>['output']
