/** Longest full name in characters, which bounds the memory that names of nested types take. */
export const maxFullNameLength = 512;

/** A name of a `.proto` file and what lies inside it: `pkg`, `pkg.Outer`, `pkg.Outer.field`. */
export class Scope {
  readonly kind:
    | "package"
    | "message"
    | "enum"
    | "member"
    | "field"
    | "map entry"
    | "oneof"
    | "service";
  readonly name: string;
  readonly parent: Scope | undefined;
  /** File that defines it, where that is known; packages have none. */
  readonly file: string | undefined;
  /** Made when it is needed: most names are of fields and members, which hold none. */
  #inner: Map<string, Scope> | undefined;

  constructor(kind: Scope["kind"], name: string, parent?: Scope, file?: string) {
    this.kind = kind;
    this.name = name;
    this.parent = parent;
    this.file = file;
  }

  /** How many names are around it. */
  get depth(): number {
    return this.parent === undefined ? 0 : this.parent.depth + 1;
  }

  /** Name with those around it, without a leading dot. */
  get fullName(): string {
    const around = this.parent?.fullName ?? "";
    return around === "" ? this.name : `${around}.${this.name}`;
  }

  find(name: string): Scope | undefined {
    return this.#inner?.get(name);
  }

  /** Adds a name; the one that is there already is given instead, when there is one. */
  add(kind: Scope["kind"], name: string, file?: string): { scope: Scope; isNew: boolean } {
    const present = this.find(name);
    if (present !== undefined) return { scope: present, isNew: false };
    const scope = new Scope(kind, name, this, file);
    this.#inner ??= new Map();
    this.#inner.set(name, scope);
    return { scope, isNew: true };
  }
}

/**
 * What a type's name means where it is written, as protobuf looks names up: from the innermost scope
 * outwards for the first part of the name, the rest inside what that is. Only what `isVisible` counts.
 *
 * @param name - as written; a leading dot starts at the root.
 */
export function findType(
  name: string,
  from: Scope,
  isVisible: (scope: Scope) => boolean,
): Scope | undefined {
  const isAbsolute = name.startsWith(".");
  const [first = "", ...rest] = (isAbsolute ? name.slice(1) : name).split(".");
  let scope: Scope | undefined = isAbsolute ? rootOf(from) : from;
  for (; scope !== undefined; scope = scope.parent) {
    const found = visible(scope.find(first));
    if (found === undefined) continue;
    if (rest.length === 0) {
      if (isType(found)) return found;
      continue;
    }
    // What holds no names hides nothing; what does is where the rest has to be.
    if (found.kind !== "package" && found.kind !== "message") continue;
    let inner: Scope | undefined = found;
    for (const part of rest) inner = visible(inner?.find(part));
    return inner !== undefined && isType(inner) ? inner : undefined;
  }
  return undefined;

  function visible(found: Scope | undefined): Scope | undefined {
    return found !== undefined && isVisible(found) ? found : undefined;
  }
}

const isType = ({ kind }: Scope) => kind === "message" || kind === "enum";

function rootOf(scope: Scope): Scope {
  let root = scope;
  while (root.parent !== undefined) root = root.parent;
  return root;
}
