/** Where an object that stands for one of the platform's has the genuine one; made when it is asked for. */
export const genuine = Symbol("king.genuine");

type Whole = Record<string, unknown>;

/**
 * Gives `target` the members of `platform` that are not in `except`, whatever the platform has: each asks
 * the genuine object.
 */
export function forwardMembers(
  target: object,
  platform: object,
  except: readonly string[] = [],
): void {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(platform))) {
    if (name === "constructor" || except.includes(name)) continue;
    const isMethod = typeof value === "function";
    Object.defineProperty(target, name, isMethod ? method(name) : accessor(name));
  }
}

function method(name: string): PropertyDescriptor {
  function value(this: { [genuine]: Whole }, ...args: unknown[]): unknown {
    const whole = this[genuine];
    return Reflect.apply(whole[name] as () => unknown, whole, args);
  }
  return { configurable: true, enumerable: true, writable: true, value };
}

function accessor(name: string): PropertyDescriptor {
  function get(this: { [genuine]: Whole }): unknown {
    return this[genuine][name];
  }
  return { configurable: true, enumerable: true, get };
}
