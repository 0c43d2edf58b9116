/** `target` with some members replaced: how a contract suite is shown to notice a fault. */
export function mutate<T extends object>(target: T, faults: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(faults, name)) {
        const fault = Object.getOwnPropertyDescriptor(faults, name);
        return fault?.get === undefined ? fault?.value : fault.get.call(faults);
      }
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
