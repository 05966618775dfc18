/**
 * What `typeof Arena` says about a room, for the client's types. Rooms are matched by shape: the SDK never imports the
 * server's classes, and a browser bundle none of the room's code.
 */
import type { Field, Fields, Values } from '../state/field.js';
import type { InputSchema } from '../state/schema.js';
import type { Table } from '../state/table.js';
import type { TableView } from './table-view.js';

/** A room's class, as in `joinOrCreate<typeof Arena>`. */
export type RoomType = abstract new (...args: any) => any;

type IsAny<T> = 0 extends 1 & T ? true : false;
type Instance<R extends RoomType> = InstanceType<R>;

type AnyFields = Readonly<Record<string, Field<any>>>;

/** What every `Input<F>` of the server looks like. */
interface InputShape<F extends Fields> {
  readonly schema: InputSchema<F>;
  next(client: never): unknown;
}

type TableNames<I> = {
  [K in keyof I]-?: IsAny<I[K]> extends true ? never : I[K] extends Table<infer _F> ? K : never;
}[keyof I];

/**
 * `room.state` of a room class: a view for each public property that is a table. Without a class: any name, any row.
 */
export type StateOf<R extends RoomType> =
  IsAny<Instance<R>> extends true
    ? Readonly<Record<string, TableView<AnyFields>>>
    : { readonly [K in TableNames<Instance<R>>]: Instance<R>[K] extends Table<infer F> ? TableView<F> : never };

type InputsIn<I> = {
  [K in keyof I]-?: IsAny<I[K]> extends true
    ? never
    : I[K] extends InputShape<infer F>
      ? Partial<Values<F>>
      : never;
}[keyof I];

/** What `room.input()` of a room class takes; `never` when the room declares no public input. */
export type InputOf<R extends RoomType> =
  IsAny<Instance<R>> extends true ? Readonly<Record<string, number | boolean>> : InputsIn<Instance<R>>;
