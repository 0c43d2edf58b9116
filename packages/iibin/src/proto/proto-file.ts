import type { Reserved } from "../reserved.ts";
import type { ProtoSource } from "./proto-source.ts";

/** What a `.proto` file says, before the names of types are looked up. */
export interface ProtoFile extends ProtoBody {
  readonly source: ProtoSource;
  /** Empty when the file has none. */
  readonly package: string;
  readonly packageAt: number;
  readonly imports: readonly ProtoImport[];
  readonly services: readonly ProtoName[];
}

/** What files and messages hold alike. */
export interface ProtoBody {
  readonly messages: readonly ProtoMessage[];
  readonly enums: readonly ProtoEnum[];
}

/** A name and where it is written. */
export interface ProtoName {
  readonly name: string;
  readonly at: number;
}

export interface ProtoImport {
  readonly path: string;
  readonly at: number;
  /** Whether what the path defines can be used by importers of this file too. */
  readonly isPublic: boolean;
}

export interface ProtoMessage extends ProtoName, ProtoBody {
  readonly fields: readonly ProtoField[];
  readonly oneofs: readonly ProtoName[];
  /** Tags and names that fields may not use. */
  readonly reserved: readonly Reserved[];
}

export interface ProtoField extends ProtoName {
  readonly tag: number;
  readonly tagAt: number;
  /** As written: a scalar or a name, perhaps with a leading dot; of the values, for a map. */
  readonly type: string;
  readonly typeAt: number;
  readonly label?: "optional" | "repeated";
  /** Type of a map's keys. */
  readonly mapKey?: string;
  readonly oneof?: string;
  readonly packed?: { readonly value: boolean; readonly at: number };
  readonly jsonName?: string;
}

export interface ProtoEnum extends ProtoName {
  readonly members: readonly ProtoMember[];
  readonly allowAlias: boolean;
}

export interface ProtoMember extends ProtoName {
  readonly number: number;
  readonly numberAt: number;
}
