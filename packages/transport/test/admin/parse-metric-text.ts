import type { MetricFormat } from "../../src/admin/metric-text.ts";

/** A number of a text, with its labels unescaped. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const helpLine = new RegExp(`^# HELP (${name}) ((?:[^\\\\\\n]|\\\\[\\\\n"])*)$`);
const typeLine = new RegExp(`^# TYPE (${name}) (\\w+)$`);
const sampleLine = new RegExp(`^(${name})(?:\\{([^\\n]*)\\})? ([^ ]+)$`);
const label = /^([a-zA-Z_]\w*)="((?:[^\\"\n]|\\[\\n"])*)"(,|$)/;
const number = /^([+-]?Inf|NaN|[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?)$/;

/**
 * Reads the text format of Prometheus (version 0.0.4), or OpenMetrics 1.0.0, and takes nothing that either
 * leaves open: each family once and whole, with help and type before its samples, and each sample once.
 *
 * @throws Error naming the line.
 */
export function parseMetricText(text: string, format: MetricFormat) {
  const types = new Map<string, string>();
  const helped = new Set<string>();
  const samples: ParsedSample[] = [];
  const seen = new Set<string>();
  const isOpen = format === "openmetrics";
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new Error("expected a line feed at the end");
  if (isOpen && lines.pop() !== "# EOF") throw new Error("expected # EOF at the end");
  let family = "";
  for (const line of lines) {
    const fail = (what: string) => new Error(`${JSON.stringify(line)}: ${what}`);
    const help = helpLine.exec(line);
    const type = typeLine.exec(line);
    if (help !== null) {
      family = help[1] as string;
      if (helped.has(family)) throw fail("a family twice");
      helped.add(family);
    } else if (type !== null) {
      if (type[1] !== family || types.has(family)) throw fail("a type of another family, or twice");
      const known = ["counter", "gauge", isOpen ? "unknown" : "untyped"];
      if (!known.includes(type[2] as string)) throw fail("an unknown type");
      types.set(family, type[2] as string);
    } else {
      const [, sample = "", labelText = "", value = ""] = sampleLine.exec(line) ?? [];
      if (sample === "" || !number.test(value)) throw fail("no sample");
      const isCounter = types.get(family) === "counter";
      if (sample !== (isOpen && isCounter ? `${family}_total` : family))
        throw fail("another family");
      if (!types.has(family)) throw fail("no type before it");
      const labels = parseLabels(labelText, fail);
      const key = JSON.stringify([sample, Object.entries(labels).sort()]);
      if (seen.has(key)) throw fail("a sample twice");
      seen.add(key);
      samples.push({ name: sample, labels, value: Number(value.replace("Inf", "Infinity")) });
    }
  }
  return { samples, types };
}

function parseLabels(text: string, fail: (what: string) => Error): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ""; ) {
    const match = label.exec(rest);
    if (match === null) throw fail("labels");
    const [all, key = "", value = "", comma] = match;
    if (key in labels) throw fail("a label twice");
    labels[key] = value.replace(/\\(.)/g, (_, each) => (each === "n" ? "\n" : each));
    rest = rest.slice(all.length);
    if (comma === "," && rest === "") throw fail("a comma at the end");
  }
  return labels;
}
