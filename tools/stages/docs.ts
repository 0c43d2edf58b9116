import type { Stage } from "../stage.ts";

/** The generated pages of docs/ say what the sources say. */
export const docsStage: Stage = {
  name: "docs",
  async run() {},
};
