import type { Component } from "./component.ts";
import { systemErrors } from "./errors.ts";

/** Components in the order of their start: each wave depends on earlier ones only. */
export function startWaves(components: readonly Component[]): readonly (readonly Component[])[] {
  const byName = new Map<string, Component>();
  const gates = new Map<string, string>();
  const invalid = (component: Component, message: string) =>
    systemErrors.create("KING_SYSTEM_INVALID", `component "${component.name}": ${message}`, {
      component: component.name,
    });
  for (const component of components) {
    if (byName.has(component.name))
      throw invalid(component, "expected a unique name, got it twice");
    byName.set(component.name, component);
    for (const gate of component.gates ?? []) {
      const owner = gates.get(gate);
      if (owner !== undefined) throw invalid(component, `gate "${gate}" belongs to "${owner}"`);
      gates.set(gate, component.name);
    }
  }
  for (const component of components) {
    for (const name of component.dependsOn ?? []) {
      if (!byName.has(name)) throw invalid(component, `depends on "${name}", which is not there`);
    }
  }
  const waves: Component[][] = [];
  const placed = new Set<string>();
  let left = [...components];
  while (left.length > 0) {
    const wave = left.filter(({ dependsOn = [] }) => dependsOn.every((name) => placed.has(name)));
    if (wave.length === 0) throw invalid(left[0] as Component, "depends on itself in a cycle");
    for (const { name } of wave) placed.add(name);
    waves.push(wave);
    left = left.filter(({ name }) => !placed.has(name));
  }
  return waves;
}
