import type { CliPlane } from "@king-runtime/core";

/** What the `king` command knows of this plane. */
export const plane: CliPlane = { name: "iibin", sections: [], commands: [] };
