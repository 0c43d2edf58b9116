// Uses the installed @king-runtime/core: settings from two layers, a system with one component.
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import {
  bytesKey,
  createSystem,
  defineConfig,
  defineSection,
  jsonSchema,
  KingError,
} from "@king-runtime/core";
import { KingError as StandaloneKingError } from "@king-runtime/core/errors";
import { environmentFrom, readOperatorFile } from "@king-runtime/core/node";

const kettle = defineSection("kettle", {
  maxWaterBytes: bytesKey({ default: 1_000, max: 5_000, doc: "Largest filling." }),
});
writeFileSync("king.config.json", '{ "kettle": { "maxWaterBytes": 2000 } }');
const config = defineConfig({
  sections: [kettle],
  operator: readOperatorFile("king.config.json"),
  environment: environmentFrom({ KING_KETTLE_MAX_WATER_BYTES: "3000" }),
});
equal(config.section(kettle).maxWaterBytes, 3_000);
equal(config.explain("kettle.maxWaterBytes").from, "environment");
throws(
  () => config.with({ kettle: { maxWaterBytes: 9_999 } }),
  (error) => KingError.is(error, "KING_CONFIG_INVALID") && StandaloneKingError.is(error),
);
ok(jsonSchema([kettle])["properties"]);

const steps: string[] = [];
const system = createSystem({
  components: [
    {
      name: "stove",
      gates: ["boil"],
      start: async () => void steps.push("start"),
      stop: async () => void steps.push("stop"),
    },
  ],
});
await system.start();
system.admit("boil").release();
const report = await system.drain();
equal(report.clean, true);
deepEqual(steps, ["start", "stop"]);
