import type { Enum, EnumMembers } from "./enum.ts";
import type { Int64Type, MapKeyType, ScalarType } from "./scalar-type.ts";
import type { AnySchema, FieldDefinition, Profile, Schema } from "./schema.ts";
import type { unknownFields } from "./unknown-fields.ts";

/**
 * The messages of a schema as decoding gives them: `Message<typeof User>`. Numbers of 64 bits are
 * `bigint`, or `number` with `Message<typeof User, number>`, which belongs to `int64: "number"`. Bytes
 * are typed as on an `ArrayBuffer`, as copies are; `bytes: "view"` of shared memory gives views on that.
 */
// Messages that hold their own kind are told by this name, so declarations can be written of them.
export type Message<S extends AnySchema, Int64 = bigint> = {
  [K in keyof Decoded<S, Int64>]: Decoded<S, Int64>[K];
};

/** What encoding takes for a schema: `null` and `undefined` count as absent. */
export type MessageInput<S extends AnySchema> = { [K in keyof Encodable<S>]: Encodable<S>[K] };

type Decoded<S extends AnySchema, Int64> =
  S extends Schema<string, infer Fields, infer In>
    ? string extends keyof Fields
      ? Record<string, unknown>
      : {
          -readonly [K in keyof Fields as AlwaysThere<Fields[K], In> extends true ? K : never]: Out<
            S,
            Fields[K],
            Int64
          >;
        } & {
          -readonly [K in keyof Fields as AlwaysThere<Fields[K], In> extends true
            ? never
            : K]?: Out<S, Fields[K], Int64>;
        }
    : never;

type Encodable<S extends AnySchema> =
  S extends Schema<string, infer Fields, Profile>
    ? string extends keyof Fields
      ? // Any object: its keys are not known here.
        // biome-ignore lint/suspicious/noExplicitAny: with unknown, only types with an index would do
        { readonly [key: string]: any } & Unknown
      : {
          readonly [K in keyof Fields as Is<Fields[K], "required"> extends true ? K : never]: In<
            S,
            Fields[K]
          >;
        } & {
          readonly [K in keyof Fields as Is<Fields[K], "required"> extends true ? never : K]?:
            | In<S, Fields[K]>
            | null
            | undefined;
        } & Unknown
    : never;

type Unknown = { readonly [unknownFields]?: Uint8Array | undefined };

type Is<F, Option extends string> = F extends { readonly [O in Option]: true } ? true : false;
type Has<F, Option extends keyof FieldDefinition> = F extends { readonly [O in Option]: infer V }
  ? undefined extends V
    ? false
    : true
  : false;

/** Whether decoding always sets the field. */
type AlwaysThere<F extends FieldDefinition, In> =
  Is<F, "required"> extends true
    ? true
    : Has<F, "default"> extends true
      ? true
      : In extends "king"
        ? false
        : Has<F, "map"> extends true
          ? true
          : Is<F, "repeated"> extends true
            ? true
            : Is<F, "optional"> extends true
              ? false
              : Has<F, "oneof"> extends true
                ? false
                : F["type"] extends ScalarType | Enum
                  ? true
                  : false;

type Out<S extends AnySchema, F extends FieldDefinition, Int64> = Many<
  F,
  OutOne<S, F["type"], Int64>
>;
type In<S extends AnySchema, F extends FieldDefinition> = ManyInput<F, InOne<S, F["type"]>>;

type OutOne<S extends AnySchema, Type, Int64> = Type extends ScalarType
  ? ScalarValue<Type, Int64>
  : Type extends Enum
    ? number
    : Type extends AnySchema
      ? Message<Type, Int64>
      : Type extends () => infer Later
        ? OutOne<S, Later, Int64>
        : Type extends S["name"]
          ? Message<S, Int64>
          : unknown;

type InOne<S extends AnySchema, Type> = Type extends ScalarType
  ? ScalarInput<Type>
  : Type extends Enum<string, infer Members>
    ? MemberName<Members> | number
    : Type extends AnySchema
      ? MessageInput<Type>
      : Type extends () => infer Later
        ? InOne<S, Later>
        : Type extends S["name"]
          ? MessageInput<S>
          : unknown;

type MemberName<Members extends EnumMembers> = keyof Members & string;

type Many<F extends FieldDefinition, One> = F extends { readonly map: infer K extends MapKeyType }
  ? MapObject<K, One>
  : Is<F, "repeated"> extends true
    ? One[]
    : One;

type ManyInput<F extends FieldDefinition, One> = F extends {
  readonly map: infer K extends MapKeyType;
}
  ? Readonly<MapObject<K, One>> | ReadonlyMap<KeyInput<K>, One>
  : Is<F, "repeated"> extends true
    ? readonly One[] | NumberArray<One>
    : One;

/** Lists of numbers may be typed arrays as well. @internal */
export type NumberArray<One> = number extends One
  ?
      | Float64Array
      | Float32Array
      | Int32Array
      | Uint32Array
      | Int16Array
      | Uint16Array
      | Int8Array
      | Uint8Array
      | (bigint extends One ? BigInt64Array | BigUint64Array : never)
  : never;

/** A map as an object: keys of 64 bits are written in decimal, and of two booleans one may be missing. */
type MapObject<K extends MapKeyType, One> = K extends "bool"
  ? Partial<Record<"true" | "false", One>>
  : Record<K extends "string" | Int64Type ? string : number, One>;
type KeyInput<K extends MapKeyType> = K extends "string"
  ? string
  : K extends "bool"
    ? boolean
    : K extends Int64Type
      ? bigint | number
      : number;

type ScalarValue<Type extends ScalarType, Int64> = Type extends Int64Type
  ? Int64
  : Type extends "bool"
    ? boolean
    : Type extends "string"
      ? string
      : Type extends "bytes"
        ? Uint8Array<ArrayBuffer>
        : number;

type ScalarInput<Type extends ScalarType> = Type extends Int64Type
  ? bigint | number
  : Type extends "bool"
    ? boolean
    : Type extends "string"
      ? string
      : Type extends "bytes"
        ? Uint8Array
        : number;
