import { lowerCamelCase } from "../field.ts";
import type { ProtoBody, ProtoFile } from "./proto-file.ts";
import { maxFullNameLength, type Scope } from "./scope.ts";

/** Enters every name of a file, refusing those that are taken. */
export function declareNames(root: Scope, file: ProtoFile): void {
  const { source } = file;
  let scope = root;
  if (file.package.length > maxFullNameLength)
    throw source.invalid(
      file.packageAt,
      `expected a package of at most ${maxFullNameLength} characters, got ${file.package.length}`,
    );
  for (const part of file.package === "" ? [] : file.package.split(".")) {
    const { scope: inner } = scope.add("package", part);
    if (inner.kind !== "package")
      throw source.invalid(
        file.packageAt,
        `expected a package of its own name, got ${part}, a ${inner.kind} of ${inner.file}`,
      );
    scope = inner;
  }
  declareBody(scope, file);
  for (const { name, at } of file.services) declare(scope, "service", name, at);

  function declareBody(into: Scope, { messages, enums }: ProtoBody): void {
    for (const message of messages) {
      const scope = declare(into, "message", message.name, message.at);
      for (const { name, at, mapKey } of message.fields) {
        declare(scope, "field", name, at);
        if (mapKey !== undefined) declare(scope, "map entry", mapEntryName(name), at);
      }
      for (const { name, at } of message.oneofs) declare(scope, "oneof", name, at);
      declareBody(scope, message);
    }
    for (const { name, at, members } of enums) {
      declare(into, "enum", name, at);
      // Members are names beside their enum, as in C.
      for (const member of members) declare(into, "member", member.name, member.at);
    }
  }

  function declare(into: Scope, kind: Scope["kind"], name: string, at: number): Scope {
    const { scope, isNew } = into.add(kind, name, source.file);
    if (isNew) return scope;
    const where = into.fullName === "" ? "" : ` in ${into.fullName}`;
    const of = scope.file === undefined ? "" : ` of ${scope.file}`;
    throw source.invalid(
      at,
      `expected a name that is free${where}, got ${name}, the name of a ${scope.kind}${of}`,
    );
  }
}

/** Name of the message that protobuf makes of a map's entries, beside the map. */
export function mapEntryName(field: string): string {
  const camel = lowerCamelCase(field);
  return `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`;
}

/** Enters a type of protobuf's own; the one that is there already when there is one. */
export function declareType(
  root: Scope,
  fullName: string,
  kind: "message" | "enum",
  file: string,
): Scope {
  const parts = fullName.split(".");
  const name = parts.pop() ?? "";
  let scope = root;
  for (const part of parts) scope = scope.add("package", part).scope;
  return scope.add(kind, name, file).scope;
}

/** The scope of a package; the nearest one around it when there is none. */
export function enter(root: Scope, fullName: string): Scope {
  let scope = root;
  for (const part of fullName === "" ? [] : fullName.split(".")) scope = scope.find(part) ?? scope;
  return scope;
}
