import type { Endpoint, Session, TlsFacts } from "@king-runtime/core";
import { audited } from "./admin-event.ts";
import { type AdminSubject, longestDeadlineMs } from "./admin-options.ts";
import { AdminProblem } from "./admin-problem.ts";
import { type AdminRoute, adminRoute } from "./admin-route.ts";
import { listenerReports } from "./listener-reports.ts";
import { listSchema, objectSchema, oneOfTexts, sharedSchema, textSchema } from "./schema.ts";
import { comparePlaces, decodeCursor, encodeCursor, type NamedSession } from "./session-order.ts";

const filter = (description: string) => ({ type: "string", maxLength: 256, description }) as const;

/** Who is connected, and the end of it. */
export function sessionRoutes(subject: AdminSubject): readonly AdminRoute[] {
  const { clock, report } = subject;
  /** Those whose graceful end is under way: each has one deadline. */
  const closing = new WeakSet<Session>();
  return [
    adminRoute({
      method: "GET",
      path: "/sessions",
      id: "sessions",
      summary: "Sessions of the listeners, in pages",
      query: {
        limit: {
          type: "integer",
          minimum: 1,
          maximum: 1_000,
          default: 100,
          description: "Sessions on a page.",
        },
        cursor: { ...filter("Where to go on: `next` of the page before."), maxLength: 2_048 },
        listener: filter("Those of this listener alone."),
        protocol: filter("Those that speak this protocol alone, such as h2."),
        state: {
          type: "string",
          enum: ["opening", "open", "draining", "closed"],
          description: "Those in this state alone.",
        },
        remote: filter("Those with a peer of this address alone."),
      },
      answers: {
        200: {
          description:
            "A page; `next` is there when more follow. One that stays open is on one page.",
          schema: objectSchema(
            { sessions: listSchema(sharedSchema("Session")) },
            { next: textSchema },
          ),
        },
      },
      serve: ({ query }) => {
        const { limit, listener, protocol, state, remote } = query;
        const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
        const wanted = allSessions(subject)
          .filter(({ session }) => protocol === undefined || session.protocol === protocol)
          .filter(({ session }) => state === undefined || session.state === state)
          .filter(({ session }) => remote === undefined || session.remote?.address === remote)
          .filter((each) => listener === undefined || each.listener === listener)
          .map((each) => ({ ...each, id: each.session.id }))
          .filter((place) => after === undefined || comparePlaces(place, after) > 0)
          .sort(comparePlaces);
        const page = wanted.slice(0, limit);
        const last = page.at(-1);
        const isMore = last !== undefined && wanted.length > page.length;
        return Response.json({
          sessions: page.map((each) => sessionJson(each, report)),
          ...(isMore ? { next: encodeCursor(last) } : {}),
        });
      },
    }),
    adminRoute({
      method: "DELETE",
      path: "/sessions/{id}",
      id: "closeSession",
      summary: "Ends a session: once what is under way is finished, or now",
      params: { id: textSchema },
      query: {
        abort: { type: "boolean", default: false, description: "Whether to cut it now." },
        deadlineMs: {
          type: "integer",
          minimum: 0,
          maximum: longestDeadlineMs,
          default: 30_000,
          description: "How long to wait for what is under way, in milliseconds, before it is cut.",
        },
      },
      answers: {
        202: {
          description: "Its end has begun.",
          schema: objectSchema({
            id: textSchema,
            listener: textSchema,
            end: oneOfTexts("graceful", "abort"),
          }),
        },
      },
      problems: { 404: "There is no such session now." },
      serve: ({ params, query, origin }) => {
        const found = allSessions(subject).find(({ session }) => session.id === params["id"]);
        if (found === undefined) {
          throw new AdminProblem({ status: 404, detail: "expected the id of a session" });
        }
        const { listener, session } = found;
        const { id } = session;
        const { abort, deadlineMs } = query;
        const what = { action: "close-session", target: id } as const;
        const isJoining = closing.has(session);
        closing.add(session);
        const reason = "closed by an operator";
        const end = async () => {
          if (abort) session.abort(new Error(reason));
          else if (isJoining) await session.closed;
          else await session.close({ deadlineMs, reason });
        };
        audited(what, origin, clock, end).catch(report);
        return Response.json({ id, listener, end: abort ? "abort" : "graceful" }, { status: 202 });
      },
    }),
  ];
}

function allSessions(subject: AdminSubject): readonly NamedSession[] {
  const found = listenerReports(subject, (listener) => [...listener.sessions()]);
  return Object.entries(found).flatMap(([listener, sessions]) =>
    sessions.map((session) => ({ listener, session })),
  );
}

function sessionJson({ listener, session }: NamedSession, report: (error: unknown) => void) {
  const { id, protocol, role, state, local, remote, proxy, tls } = session;
  return {
    id,
    listener,
    protocol,
    role,
    state,
    ...(local === undefined ? {} : { local: endpointJson(local) }),
    ...(remote === undefined ? {} : { remote: endpointJson(remote) }),
    ...(proxy === undefined ? {} : { proxy: endpointJson(proxy) }),
    ...(tls === undefined ? {} : { tls: tlsJson(tls) }),
    ...statsOf(session, report),
  };
}

/** One that cannot count does not hide all others. */
function statsOf(session: Session, report: (error: unknown) => void) {
  try {
    return { stats: session.stats() };
  } catch (error) {
    report(error);
    return {};
  }
}

const endpointJson = ({ address, port, family }: Endpoint) => ({ address, port, family });

function tlsJson({ version, cipher, alpn, serverName, peerVerified, resumed, ...rest }: TlsFacts) {
  const { subject, fingerprint256 } = rest.peerCertificate ?? {};
  return {
    version,
    cipher,
    alpn,
    serverName,
    peerVerified,
    resumed,
    peerSubject: subject,
    peerFingerprint256: fingerprint256,
  };
}
