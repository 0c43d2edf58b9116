import type { Enum, EnumMembers } from "./enum.ts";
import type { Int64Type, MapKeyType, ScalarType } from "./scalar-type.ts";
import type { AnySchema, FieldDefinition, FieldDefinitions, Profile, Schema } from "./schema.ts";

/**
 * The messages of a schema as decoding gives them: `Message<typeof User>`. Numbers of 64 bits are
 * `bigint`, or `number` with `Message<typeof User, number>`, which belongs to `int64: "number"`.
 */
export type Message<S extends AnySchema, Int64 = bigint> =
  S extends Schema<infer Name, infer Fields, infer In>
    ? string extends keyof Fields
      ? Record<string, unknown>
      : Decoded<Name, Fields, In, Int64>
    : never;

/** What encoding takes for a schema: `null` and `undefined` count as absent. */
export type MessageInput<S extends AnySchema> =
  S extends Schema<infer Name, infer Fields, Profile>
    ? string extends keyof Fields
      ? object
      : Encodable<Name, Fields>
    : never;

type Decoded<Name, Fields extends FieldDefinitions, In, Int64> = Flat<
  {
    -readonly [K in keyof Fields as AlwaysThere<Fields[K], In> extends true ? K : never]: Out<
      Name,
      Fields,
      In,
      Fields[K],
      Int64
    >;
  } & {
    -readonly [K in keyof Fields as AlwaysThere<Fields[K], In> extends true ? never : K]?: Out<
      Name,
      Fields,
      In,
      Fields[K],
      Int64
    >;
  }
>;

type Encodable<Name, Fields extends FieldDefinitions> = Flat<
  {
    readonly [K in keyof Fields as Is<Fields[K], "required"> extends true ? K : never]: In<
      Name,
      Fields,
      Fields[K]
    >;
  } & {
    readonly [K in keyof Fields as Is<Fields[K], "required"> extends true ? never : K]?:
      | In<Name, Fields, Fields[K]>
      | null
      | undefined;
  }
>;

type Flat<T> = { [K in keyof T]: T[K] };

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

type Out<Name, Fields extends FieldDefinitions, In, F extends FieldDefinition, Int64> = Many<
  F,
  OutOne<Name, Fields, In, F["type"], Int64>
>;
type In<Name, Fields extends FieldDefinitions, F extends FieldDefinition> = ManyInput<
  F,
  InOne<Name, Fields, F["type"]>
>;

type OutOne<Name, Fields extends FieldDefinitions, In, Type, Int64> = Type extends ScalarType
  ? ScalarValue<Type, Int64>
  : Type extends Enum
    ? number
    : Type extends AnySchema
      ? Message<Type, Int64>
      : Type extends () => infer Later
        ? OutOne<Name, Fields, In, Later, Int64>
        : Type extends Name
          ? Decoded<Name, Fields, In, Int64>
          : unknown;

type InOne<Name, Fields extends FieldDefinitions, Type> = Type extends ScalarType
  ? ScalarInput<Type>
  : Type extends Enum<string, infer Members>
    ? MemberName<Members> | number
    : Type extends AnySchema
      ? MessageInput<Type>
      : Type extends () => infer Later
        ? InOne<Name, Fields, Later>
        : Type extends Name
          ? Encodable<Name, Fields>
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
        ? Uint8Array
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
