import { type DrainReport, KingError } from "@king-runtime/core";

/**
 * What a drain came to, as JSON. Messages are shown of our own errors alone, which have no secrets; what
 * others say may have any.
 */
export function drainReportJson({ clean, cut, outstanding, errors }: DrainReport) {
  return {
    clean,
    cut,
    outstanding,
    errors: errors.map((error) => {
      const { name, message } = error;
      if (KingError.is(error)) return { name, code: error.code, message };
      const { code } = error as { code?: unknown };
      return typeof code === "string" ? { name, code } : { name };
    }),
  };
}
