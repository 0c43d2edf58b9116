// npm run bench -- <plane> [--json FILE] [--rounds N] [--row TEXT]
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { describeMachine } from "./harness/machine.ts";
import { measureRow } from "./harness/measure-row.ts";
import type { BenchPlane } from "./harness/plane.ts";
import { formatTable, type ReportRow, reportRows } from "./harness/report.ts";
import { fewestRounds, summarize } from "./harness/statistics.ts";

const planes = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== "main.ts")
  .map((file) => file.slice(0, -3));

const usualRounds = 12;

const usage = `npm run bench -- <${planes.join("|")}> [--rounds N] [--row TEXT] [--json FILE]

  --rounds N   paired rounds of each row; fewer than ${fewestRounds} claim nothing (${usualRounds})
  --row TEXT   only rows whose name holds TEXT
  --json FILE  writes the figures to FILE as well
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "string" },
      rounds: { type: "string", default: String(usualRounds) },
      row: { type: "string", default: "" },
      help: { type: "boolean", default: false },
    },
  });
  const [name = ""] = positionals;
  const rounds = Number(values.rounds);
  if (values.help || !planes.includes(name) || !Number.isInteger(rounds) || rounds < 1) {
    process.stderr.write(usage);
    return values.help ? 0 : 2;
  }
  const url = new URL(`${name}.ts`, import.meta.url);
  const { plane } = (await import(url.href)) as { plane: BenchPlane };
  const machine = describeMachine();
  process.stdout.write(
    `${plane.name}: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ` +
      `${machine.system}, Node ${machine.node}, load ${machine.load}, ${machine.date}\n` +
      `${rounds} paired rounds, medians; ratio = ours / peer\n\n`,
  );
  const rows: ReportRow[] = [];
  for (const [index, row] of plane.rows.entries()) {
    if (!row.name.includes(values.row)) continue;
    const measured = await measureRow({ url, plane }, index, rounds, (round) => {
      if (process.stderr.isTTY)
        process.stderr.write(`\r${row.name}: round ${round + 1} of ${rounds} `);
    });
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    rows.push(...reportRows(row, summarize(measured, row.goal)));
  }
  const report = { plane: plane.name, machine, rounds, rows };
  process.stdout.write(`${formatTable(report)}\n`);
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  return rows.some(({ holds }) => holds === false) ? 1 : 0;
}

process.exitCode = await main();
