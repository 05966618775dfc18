/**
 * Standard Schema, version 1 (standardschema.dev): what zod, valibot, arktype and others have in common. Only as much of it
 * as is used here; their own types fit.
 */

/** Checks a value, and may change it on the way. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    /** The library's name. */
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** For the compiler only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  readonly message: string;
  /** Where: keys from the outside in, plain or wrapped. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a value is once it has passed. */
export type SchemaOutput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output'];

/** `position.x`, `items.3.name`; empty when the whole value is wrong. */
export function issuePath({ path }: SchemaIssue): string {
  // Not path.map: that of a library's own kind of array makes another one of those.
  return Array.from(path ?? [], (each) => String(typeof each === 'object' ? each.key : each)).join('.');
}

/** Whether a value can validate. Schemas may be functions: those of arktype are. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  const standard = (value as Partial<StandardSchema>)['~standard'];
  return typeof standard === 'object' && standard !== null && standard.version === 1 && typeof standard.validate === 'function';
}
