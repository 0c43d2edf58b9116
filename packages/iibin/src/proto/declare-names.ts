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
      for (const { name, at } of message.fields) declare(scope, "field", name, at);
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

/** Enters a type of protobuf's own. */
export function declareType(
  root: Scope,
  fullName: string,
  kind: "message" | "enum",
  file: string,
): void {
  const parts = fullName.split(".");
  const name = parts.pop() ?? "";
  let scope = root;
  for (const part of parts) scope = scope.add("package", part).scope;
  scope.add(kind, name, file);
}

/** The scope of a package; the nearest one around it when there is none. */
export function enter(root: Scope, fullName: string): Scope {
  let scope = root;
  for (const part of fullName === "" ? [] : fullName.split(".")) scope = scope.find(part) ?? scope;
  return scope;
}
