import type { ComponentStats, ListenerStats, System } from "@king-runtime/core";
import { type MetricFamily, metricName } from "./metric-text.ts";

type Samples = MetricFamily["samples"];

/** A system's numbers, for Prometheus. */
export function systemFamilies(system: System): readonly MetricFamily[] {
  const status = system.status();
  const { startMs, gates } = system.performance();
  const perComponent = (value: (each: (typeof status.components)[string]) => number): Samples =>
    Object.entries(status.components).map(([component, each]) => ({
      labels: { component },
      value: value(each),
    }));
  const perGate = (value: (gate: string) => number): Samples =>
    Object.keys(status.gates).map((gate) => ({ labels: { gate }, value: value(gate) }));
  return [
    {
      name: "king_system_ready",
      help: "Whether the system is ready: 1 or 0.",
      type: "gauge",
      samples: [{ value: Number(status.state === "ready") }],
    },
    {
      name: "king_component_ready",
      help: "Whether the component is ready: 1 or 0.",
      type: "gauge",
      samples: perComponent(({ state }) => Number(state === "ready")),
    },
    {
      name: "king_component_restarts",
      help: "Restarts of the component.",
      type: "counter",
      samples: perComponent(({ restarts }) => restarts),
    },
    {
      name: "king_component_start_seconds",
      help: "Duration of the latest start of the component, in seconds.",
      type: "gauge",
      samples: Object.entries(startMs).map(([component, ms]) => ({
        labels: { component },
        value: ms / 1_000,
      })),
    },
    {
      name: "king_gate_open",
      help: "Whether the gate admits work: 1 or 0.",
      type: "gauge",
      samples: perGate((gate) => Number(status.gates[gate]?.open)),
    },
    {
      name: "king_gate_leases",
      help: "Work under way that the gate admitted.",
      type: "gauge",
      samples: perGate((gate) => status.gates[gate]?.leases ?? 0),
    },
    {
      name: "king_gate_admitted",
      help: "Work that the gate admitted.",
      type: "counter",
      samples: perGate((gate) => gates[gate]?.admitted ?? 0),
    },
    {
      name: "king_gate_refused",
      help: "Work that the gate refused.",
      type: "counter",
      samples: perGate((gate) => gates[gate]?.refused ?? 0),
    },
    {
      name: "king_gate_held_seconds",
      help: "Time that admitted work took, in seconds.",
      type: "counter",
      samples: perGate((gate) => (gates[gate]?.heldMs ?? 0) / 1_000),
    },
    ...componentFamilies(system.metrics()),
  ];
}

/** A family for each number that components give, whatever they call it. */
function componentFamilies(
  metrics: Readonly<Record<string, ComponentStats>>,
): readonly MetricFamily[] {
  const families = new Map<string, { labels: Record<string, string>; value: number }[]>();
  for (const [component, stats] of Object.entries(metrics)) {
    const taken = new Set<string>();
    for (const [stat, value] of Object.entries(stats)) {
      if (typeof value !== "number") continue;
      // Two names may be one once they are written as Prometheus has them.
      const base = metricName(stat);
      let name = base;
      for (let next = 2; taken.has(name); next++) name = `${base}_${next}`;
      taken.add(name);
      const samples = families.get(name) ?? [];
      samples.push({ labels: { component }, value });
      families.set(name, samples);
    }
  }
  return [...families].map(([name, samples]) => ({
    // None of ours ends there, so that no name is written twice.
    name: `king_component_stat_${name}`,
    help: "A number of the component's own.",
    type: "unknown",
    samples,
  }));
}

/** Numbers of listeners by name, for Prometheus. */
export function listenerFamilies(
  stats: Readonly<Record<string, ListenerStats>>,
): readonly MetricFamily[] {
  const samples = (value: (each: ListenerStats) => number): Samples =>
    Object.entries(stats).map(([listener, each]) => ({ labels: { listener }, value: value(each) }));
  return [
    {
      name: "king_listener_sessions_accepted",
      help: "Sessions that the listener accepted.",
      type: "counter",
      samples: samples(({ sessionsAccepted }) => sessionsAccepted),
    },
    {
      name: "king_listener_sessions_refused",
      help: "Sessions that the listener refused.",
      type: "counter",
      samples: samples(({ sessionsRefused }) => sessionsRefused),
    },
    {
      name: "king_listener_sessions_active",
      help: "Sessions open now.",
      type: "gauge",
      samples: samples(({ sessionsActive }) => sessionsActive),
    },
    {
      name: "king_listener_streams_active",
      help: "Exchanges or streams under way.",
      type: "gauge",
      samples: samples(({ streamsActive }) => streamsActive),
    },
  ];
}
