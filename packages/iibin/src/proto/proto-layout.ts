import { type Enum, isEnum } from "../enum.ts";
import { iibinErrors } from "../errors.ts";
import { lowerCamelCase } from "../field.ts";
import { isScalarType } from "../scalar-type.ts";
import type { AnySchema } from "../schema.ts";
import { declareType, mapEntryName } from "./declare-names.ts";
import { findType, maxFullNameLength, Scope } from "./scope.ts";
import { wellKnownTypeFile } from "./well-known-files.ts";

/** A definition at its place in a file. */
export interface Placed {
  /** Its own name, without those around it. */
  readonly name: string;
  readonly definition: Enum | AnySchema;
  readonly scope: Scope;
  /** What lies inside a message. */
  readonly inner: readonly Placed[];
}

/** Where definitions go in one `.proto` file, and what each is called there. */
export interface ProtoLayout {
  /** Empty for none. */
  readonly package: string;
  readonly imports: readonly string[];
  readonly top: readonly Placed[];
  /** The shortest name by which a field inside `from` refers to a definition. */
  nameOf(definition: Enum | AnySchema, from: Scope): string;
}

/** Protoc's own limit. */
const maxNesting = 32;

/** Words that begin something else than a field. */
const statements: ReadonlySet<string> = new Set(
  "message enum option oneof map reserved extend extensions optional repeated required group".split(
    " ",
  ),
);

/**
 * Lays definitions out: `shop.Order.Line` inside `shop.Order` when that is a message, in package
 * `shop.Order` otherwise. All have to be in one package; what has no package gets `packageName`.
 *
 * @throws {KingError} `KING_IIBIN_PROTO_UNSUPPORTED` naming the definition and the rule.
 */
export function layOut(
  definitions: ReadonlyMap<string, Enum | AnySchema>,
  packageName: string | undefined,
): ProtoLayout {
  const imports = new Set<string>();
  const own = new Map<string, Enum | AnySchema>();
  const root = new Scope("package", "");
  const uses = new Map<string, number>();
  const scopes = new Map<Enum | AnySchema, Scope>();
  const use = (name: string) => uses.set(name, (uses.get(name) ?? 0) + 1);
  for (const [name, definition] of definitions) {
    if (name.length + (packageName ?? "").length >= maxFullNameLength)
      throw unsupported(name.slice(0, 80), `expected a name below ${maxFullNameLength} characters`);
    const file = wellKnownTypeFile(name);
    if (file === undefined) {
      const local = withoutPackage(name);
      if (own.has(local)) throw unsupported(name, `expected a name that ${packageName} has once`);
      own.set(local, definition);
    } else {
      imports.add(file);
      scopes.set(
        definition,
        declareType(root, name, isEnum(definition) ? "enum" : "message", file),
      );
    }
  }
  const packages = new Set<string>();
  const lists = new Map<string, Placed[]>([["", []]]);
  for (const [name, definition] of own) if (!isEnum(definition)) lists.set(`.${name}`, []);
  for (const [name, definition] of own) {
    const around = name.slice(0, Math.max(name.lastIndexOf("."), 0));
    if (around === "" || !lists.has(`.${around}`)) {
      packages.add(around);
      const [first] = packages;
      if (packages.size > 1 || (packageName !== undefined && around !== ""))
        throw unsupported(
          definition.name,
          `expected all names in ${packageName === undefined ? "one package" : `package ${packageName}`}, got ${around === "" ? "none" : around}${packageName === undefined ? ` beside ${first === "" ? "none" : first}` : ""}`,
        );
    }
  }
  const [inferred = ""] = packages;
  const chosen = packageName ?? inferred;
  let outermost = root;
  for (const part of chosen === "" ? [] : chosen.split(".")) {
    checkIdentifier(part, chosen, "a package");
    outermost = outermost.add("package", part).scope;
    use(part);
  }
  use("google");

  // Names sorted by length come after those around them.
  const byDepth = [...own.keys()].toSorted((a, b) => depthOf(a) - depthOf(b));
  const messages = new Map<string, { scope: Scope; inner: Placed[] }>();
  const top: Placed[] = [];
  for (const name of byDepth) {
    const definition = own.get(name) as Enum | AnySchema;
    const dot = name.lastIndexOf(".");
    const around = messages.get(name.slice(0, Math.max(dot, 0)));
    const last = name.slice(dot + 1);
    checkIdentifier(last, definition.name, "a definition");
    const parent = around?.scope ?? outermost;
    const scope = claim(parent, isEnum(definition) ? "enum" : "message", last, definition.name);
    scopes.set(definition, scope);
    const inner: Placed[] = [];
    if (!isEnum(definition)) messages.set(name, { scope, inner });
    (around?.inner ?? top).push({ name: last, definition, scope, inner });
    if (scope.depth - outermost.depth > maxNesting)
      throw unsupported(definition.name, `expected at most ${maxNesting} messages in each other`);
  }
  for (const definition of own.values()) claimMembers(definition);
  return { package: chosen, imports: [...imports].sort(), top, nameOf };

  function withoutPackage(name: string): string {
    return packageName !== undefined && name.startsWith(`${packageName}.`)
      ? name.slice(packageName.length + 1)
      : name;
  }

  /** Takes a name, which nothing else in its scope may have. */
  function claim(
    into: Scope,
    kind: Scope["kind"],
    name: string,
    schema: string,
    field?: string,
  ): Scope {
    const { scope, isNew } = into.add(kind, name);
    if (!isNew)
      throw unsupported(
        schema,
        `expected ${name} once in ${into.fullName === "" ? "the file" : into.fullName}, where proto3 has one name for types, fields, oneofs and members of enums`,
        field,
      );
    use(name);
    return scope;
  }

  /** Takes the names of what a definition holds. */
  function claimMembers(definition: Enum | AnySchema): void {
    const scope = scopes.get(definition) as Scope;
    if (isEnum(definition)) {
      for (const member of Object.keys(definition.members)) {
        checkIdentifier(member, definition.name, "a member", member);
        claim(scope.parent as Scope, "member", member, definition.name, member);
      }
      return;
    }
    const oneofs = new Set<string>();
    const jsonNames = new Set<string>();
    const camelNames = new Set<string>();
    for (const { name, protoName, jsonName, oneof, map } of definition.fields) {
      checkIdentifier(protoName, definition.name, "a field", name);
      claim(scope, "field", protoName, definition.name, name);
      const camel = lowerCamelCase(protoName);
      if (jsonNames.has(jsonName) || camelNames.has(camel))
        throw unsupported(
          definition.name,
          `expected a name of its own in JSON, got ${jsonNames.has(jsonName) ? jsonName : camel} twice`,
          name,
        );
      jsonNames.add(jsonName);
      camelNames.add(camel);
      if (oneof !== undefined && !oneofs.has(oneof)) {
        checkIdentifier(oneof, definition.name, "a oneof", name);
        claim(scope, "oneof", oneof, definition.name, name);
        oneofs.add(oneof);
      }
      // Protobuf makes a message of each map's entries.
      if (map !== undefined)
        claim(scope, "map entry", mapEntryName(protoName), definition.name, name);
    }
  }

  function nameOf(definition: Enum | AnySchema, from: Scope): string {
    const target = scopes.get(definition) as Scope;
    const parts = target.fullName.split(".");
    const isOwn = target.file === undefined;
    for (let first = isOwn ? parts.length - 1 : 0; first >= 0; first--) {
      const part = parts[first] ?? "";
      // Where a name is used again, readers that look it up in other ways would find the other.
      if (uses.get(part) !== 1 || statements.has(part) || isScalarType(part)) continue;
      const name = parts.slice(first).join(".");
      if (findType(name, from, () => true) === target) return name;
    }
    return `.${target.fullName}`;
  }
}

const depthOf = (name: string) => name.split(".").length;

function checkIdentifier(name: string, schema: string, what: string, field?: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw unsupported(
      schema,
      `expected letters, digits and _ for the name of ${what}, got ${JSON.stringify(name)}`,
      field,
    );
}

function unsupported(schema: string, message: string, field?: string): Error {
  const where = field === undefined ? schema : `${schema}, ${field}`;
  return iibinErrors.create("KING_IIBIN_PROTO_UNSUPPORTED", `${where}: ${message}`, {
    schema,
    ...(field !== undefined && { field }),
  });
}
