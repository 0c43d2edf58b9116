import type { Machine } from "./machine.ts";
import type { BenchRow } from "./plane.ts";
import type { RowResult } from "./statistics.ts";

/** One row of the JSON form. An A/A control row has the peer on both sides and no goal. */
export interface ReportRow {
  readonly name: string;
  /** Such as `"µs CPU/request"`. */
  readonly unit: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  /** Median of ours / peer, round by round. */
  readonly ratio: number;
  /** Such as `"<= 0.90"`; absent where the figure is only reported. */
  readonly goal?: string;
  /** Absent without a goal, and when there were too few rounds for a claim. */
  readonly holds?: boolean;
  /** No ratio nearer to 1 than this is claimed; absent when there were too few rounds. */
  readonly spread?: number;
  /** Whether this row compares the peer with itself. */
  readonly control: boolean;
}

/** The JSON form of a run. */
export interface Report {
  readonly plane: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly rows: readonly ReportRow[];
}

/** The two lines of one measured row: the comparison, and the control beneath it. */
export function reportRows(row: BenchRow, result: RowResult): [ReportRow, ReportRow] {
  const unit = `µs ${row.measure === "wall" ? "wall" : "CPU"}/${row.operation ?? "op"}`;
  const spread = Number.isFinite(result.spread) ? { spread: round(result.spread) } : {};
  return [
    {
      name: row.name,
      unit,
      ours: round(result.ours),
      peer: round(result.peer),
      peerName: row.peerName,
      ratio: round(result.ratio),
      ...(row.goal !== undefined && { goal: row.goal }),
      ...(result.holds !== undefined && { holds: result.holds }),
      ...spread,
      control: false,
    },
    {
      name: `A/A control of ${row.name}`,
      unit,
      ours: round(result.control),
      peer: round(result.peer),
      peerName: row.peerName,
      ratio: round(result.controlRatio),
      ...spread,
      control: true,
    },
  ];
}

/** Three digits behind the point: more are noise. */
function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** The report as a Markdown table, for the terminal and for `docs/benchmarks.md`. */
export function formatTable(report: Report): string {
  const header = ["", "unit", "ours", "peer", "ratio", "goal", "verdict"];
  const cells = report.rows.map((row) => [
    row.control ? "  A/A: the peer against itself" : `${row.name} vs ${row.peerName}`,
    row.unit,
    row.ours.toFixed(2),
    row.peer.toFixed(2),
    row.ratio.toFixed(3),
    row.goal ?? "",
    verdict(row),
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  );
  const line = (values: readonly string[]) =>
    `| ${values
      .map((value, column) => {
        const width = widths[column] ?? 0;
        return column >= 2 && column <= 4 ? value.padStart(width) : value.padEnd(width);
      })
      .join(" | ")} |`;
  const rule = `|${widths
    .map((width, column) => `${"-".repeat(width + 1)}${column >= 2 && column <= 4 ? ":" : "-"}`)
    .join("|")}|`;
  return [line(header), rule, ...cells.map(line)].join("\n");
}

function verdict(row: ReportRow): string {
  if (row.spread === undefined) return "too few rounds for a claim";
  if (row.control) return `equal things differ by up to ${row.spread.toFixed(3)}`;
  const tie = Math.abs(row.ratio - 1) <= row.spread ? "tie" : "";
  const goal = row.holds === undefined ? "" : row.holds ? "holds" : "MISSED";
  return [goal, tie].filter(Boolean).join(", ");
}
