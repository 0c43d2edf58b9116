/** Numbers of one name. */
export interface MetricFamily {
  /** Without `_total`, which a counter's samples end in. */
  readonly name: string;
  readonly help: string;
  /** `"unknown"`: it may go up or down. */
  readonly type: "counter" | "gauge" | "unknown";
  readonly samples: readonly {
    readonly labels?: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

/** Which text is written: Prometheus's own, version 0.0.4, or OpenMetrics 1.0.0. */
export type MetricFormat = "prometheus" | "openmetrics";

/** Media types of the formats. */
export const metricTypes: Readonly<Record<MetricFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** Families as text for Prometheus. Those without samples are left out; a name is written once. */
export function metricText(families: readonly MetricFamily[], format: MetricFormat): string {
  const lines: string[] = [];
  const taken = new Set<string>();
  for (const { name, help, type, samples } of families) {
    if (samples.length === 0 || taken.has(name)) continue;
    taken.add(name);
    const isOpen = format === "openmetrics";
    const sampleName = type === "counter" ? `${name}_total` : name;
    // OpenMetrics names the family of a counter without the suffix of its samples.
    const family = isOpen ? name : sampleName;
    const typeName = type === "unknown" && !isOpen ? "untyped" : type;
    lines.push(`# HELP ${family} ${escapeHelp(help, isOpen)}`, `# TYPE ${family} ${typeName}`);
    for (const { labels = {}, value } of samples) {
      lines.push(`${sampleName}${labelText(labels)} ${valueText(value)}`);
    }
  }
  if (format === "openmetrics") lines.push("# EOF");
  return lines.map((line) => `${line}\n`).join("");
}

/** `camelCase` and anything else as the end of a metric's name: lower case, digits and `_`. */
export function metricName(text: string): string {
  const snake = text
    .replace(/([a-z\d])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z\d]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return snake === "" ? "unnamed" : snake;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", '"': '\\"' };
const escapeLabel = (text: string) =>
  text.toWellFormed().replace(/[\\\n"]/g, (each) => escapes[each] as string);
const escapeHelp = (text: string, isOpen: boolean) =>
  text.toWellFormed().replace(isOpen ? /[\\\n"]/g : /[\\\n]/g, (each) => escapes[each] as string);

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}
