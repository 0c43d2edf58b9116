import type { AdminSection } from "@king-runtime/core";
import { audited } from "./admin-event.ts";
import { type AdminSubject, longestDeadlineMs } from "./admin-options.ts";
import { AdminProblem } from "./admin-problem.ts";
import { type AdminRoute, adminRoute } from "./admin-route.ts";
import {
  listSchema,
  objectSchema,
  oneOfTexts,
  type Schema,
  sharedSchema,
  textSchema,
} from "./schema.ts";

const anything: Schema = { description: "Any JSON; null for nothing." };

/** Pages of the application and its planes. */
export function sectionRoutes({
  sections,
  work,
  actionTimeoutMs,
  clock,
}: AdminSubject): readonly AdminRoute[] {
  const find = (name: string | undefined): AdminSection => {
    const section = sections.get(name as string);
    if (section !== undefined) return section;
    throw new AdminProblem({ status: 404, detail: "expected the name of a section" });
  };
  const actionsOf = ({ actions = {} }: AdminSection) => Object.keys(actions);
  const name = oneOfTexts(...sections.keys());
  const routes = [
    adminRoute({
      method: "GET",
      path: "/sections",
      id: "sections",
      summary: "Which sections there are, and what can be done in them",
      answers: {
        200: {
          description: "All sections.",
          schema: objectSchema({ sections: listSchema(sharedSchema("SectionInfo")) }),
        },
      },
      serve: () => {
        const infos = [...sections.values()].map((section) => {
          const { name, doc } = section;
          return { name, actions: actionsOf(section), ...(doc === undefined ? {} : { doc }) };
        });
        return Response.json({ sections: infos });
      },
    }),
    adminRoute({
      method: "GET",
      path: "/sections/{name}",
      id: "readSection",
      summary: "What is going on in a section",
      params: { name },
      answers: {
        200: {
          description: "What the section tells.",
          schema: objectSchema({ name: textSchema, data: anything }),
        },
      },
      problems: {
        404: "There is no such section.",
        503: "It did not answer in time, or too much is under way.",
      },
      serve: async ({ params }) => {
        const section = find(params["name"]);
        const read = (signal: AbortSignal) => section.read({ signal });
        const data = await work.run("the section", actionTimeoutMs, read);
        return Response.json({ name: section.name, data: data ?? null });
      },
    }),
  ];
  const actions = new Set([...sections.values()].flatMap(actionsOf));
  if (actions.size === 0) return routes;
  const act = adminRoute({
    method: "POST",
    path: "/sections/{name}/actions/{action}",
    id: "runSectionAction",
    summary: "Does something in a section",
    params: { name, action: oneOfTexts(...actions) },
    query: {
      deadlineMs: {
        type: "integer",
        minimum: 1,
        maximum: longestDeadlineMs,
        default: actionTimeoutMs,
        description: "How long to wait for its end, in milliseconds.",
      },
    },
    body: "any",
    answers: {
      200: {
        description: "It was done.",
        schema: objectSchema({ section: textSchema, action: textSchema, result: anything }),
      },
    },
    problems: {
      404: "There is no such section or action.",
      503: "It did not end in time, or too much is under way.",
    },
    serve: async ({ params, query, input, origin }) => {
      const section = find(params["name"]);
      const action = params["action"] as string;
      const { actions = {} } = section;
      const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
      if (run === undefined) {
        throw new AdminProblem({ status: 404, detail: "expected the name of an action" });
      }
      const { deadlineMs } = query;
      const what = { action: "section-action", target: `${section.name}/${action}` } as const;
      const result = await audited(what, origin, clock, () =>
        work.run("the action", deadlineMs, (signal) =>
          run.call(actions, input, { signal, deadlineMs }),
        ),
      );
      return Response.json({ section: section.name, action, result: result ?? null });
    },
  });
  return [...routes, act];
}
