import { jsonSchema } from "@king-runtime/core";
import { configPage } from "./config-page.ts";
import { documentedErrors } from "./documented-errors.ts";
import { errorPage } from "./error-page.ts";
import { limitsPage } from "./limits-page.ts";
import { planeSections } from "./plane-sections.ts";

/** The pages that are written from the sources: text by path from the repository's root. */
export async function generatedPages(): Promise<Record<string, string>> {
  const planes = await planeSections();
  const schema = jsonSchema(planes.flatMap(({ sections }) => sections));
  return {
    "docs/config.md": configPage(planes),
    "docs/errors.md": errorPage(documentedErrors()),
    "docs/king.config.schema.json": `${JSON.stringify(schema, null, 2)}\n`,
    "docs/limits.md": limitsPage(planes),
  };
}
