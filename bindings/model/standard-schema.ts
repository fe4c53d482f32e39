/**
 * The part of Standard Schema's types that a codec needs, inlined so that the package depends on nothing for it.
 * Source: @standard-schema/spec 1.0, MIT licence, Copyright (c) 2024 Colin McDonnell. Permission is hereby granted, free
 * of charge, to any person obtaining a copy of this software and associated documentation files, to deal in it without
 * restriction, provided that this notice is kept; it comes "as is", without warranty of any kind.
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': StandardSchemaProps<Input, Output>
}

export interface StandardSchemaProps<Input, Output> {
  readonly version: 1
  readonly vendor: string
  readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
  readonly types?: { readonly input: Input; readonly output: Output } | undefined
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type InferInput<S extends StandardSchemaV1> = NonNullable<S['~standard']['types']>['input']
export type InferOutput<S extends StandardSchemaV1> = NonNullable<S['~standard']['types']>['output']
