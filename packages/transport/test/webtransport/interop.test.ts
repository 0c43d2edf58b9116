import type { Stream } from "@king-runtime/core";
import {
  quicChromiumArguments,
  requireSoftware,
  temporaryFolder,
  withDeadline,
} from "@king-runtime/testkit";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import {
  acceptWebTransport,
  type WebTransportSession,
  webTransportEngine,
} from "../../src/webtransport/index.ts";
import { needEngine } from "../http3/engines.ts";
import { interopListener } from "../interop/interop-listener.ts";

// A browser of another test run may be busy on the same cores.
const timeout = 60_000;

const page = `<!doctype html><script type="module">
  const seen = {};
  const bytesOf = async (readable) => {
    const parts = [];
    for await (const part of readable) parts.push(part);
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  };
  const textOf = async (readable) => new TextDecoder().decode(await bytesOf(readable));
  const send = async (writable, body) => {
    const writer = writable.getWriter();
    await writer.write(typeof body === "string" ? new TextEncoder().encode(body) : body);
    await writer.close();
  };
  const open = async (path) => {
    const session = new WebTransport(location.origin.replace("http:", "https:") + path);
    session.closed.catch(() => undefined);
    await session.ready;
    return session;
  };
  const failure = (error) => [error.name, error.source, error.streamErrorCode];
  try {
    const session = await open("/wt/echo");

    const both = await session.createBidirectionalStream();
    const [echo] = await Promise.all([textOf(both.readable), send(both.writable, "hello")]);
    seen.both = echo;

    const many = await session.createBidirectionalStream();
    const body = new Uint8Array(8 << 20).map((_, i) => i % 251);
    const [back] = await Promise.all([bytesOf(many.readable), send(many.writable, body)]);
    seen.large = back.length === body.length && back.every((each, i) => each === i % 251);

    const theirs = session.incomingUnidirectionalStreams.getReader();
    await send(await session.createUnidirectionalStream(), "one way");
    seen.oneWay = await textOf((await theirs.read()).value);

    const writer = session.datagrams.writable.getWriter();
    const reader = session.datagrams.readable.getReader();
    await writer.write(new TextEncoder().encode("datagram"));
    seen.datagram = new TextDecoder().decode((await reader.read()).value);
    seen.datagramRoom = session.datagrams.maxDatagramSize > 1000;

    const pushed = await open("/wt/open");
    const fromServer = (await pushed.incomingBidirectionalStreams.getReader().read()).value;
    const [greeting] = await Promise.all([textOf(fromServer.readable), send(fromServer.writable, "hi")]);
    seen.greeting = greeting;

    const codes = await open("/wt/codes");
    const reset = await codes.createBidirectionalStream();
    const resetting = reset.writable.getWriter();
    await resetting.write(new Uint8Array(1));
    const stopped = (await codes.incomingUnidirectionalStreams.getReader().read()).value;
    await resetting.abort(new WebTransportError({ message: "no", streamErrorCode: 77 }));
    await stopped.cancel(new WebTransportError({ message: "no", streamErrorCode: 200 }));
    const broken = (await codes.incomingBidirectionalStreams.getReader().read()).value;
    await broken.writable.getWriter().write(new Uint8Array(1));
    seen.reset = await textOf(broken.readable).catch(failure);

    codes.close();

    session.close({ closeCode: 4242, reason: "that is all" });
    seen.own = await session.closed;

    const closing = await open("/wt/close");
    seen.closed = await closing.closed;
    const draining = await open("/wt/drain");
    // It takes note of it, or not, and goes on.
    const after = await draining.createBidirectionalStream();
    await send(after.writable, "after");
    seen.after = await textOf(after.readable);
    draining.close();
    seen.refused = await open("/wt/none").catch((error) => error.name);
  } catch (error) {
    seen.error = error.stack;
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(seen) });
</script>`;

/** Sends back what comes: on the same stream, or, where that goes one way, on one of its own. */
async function echo(session: WebTransportSession): Promise<void> {
  const back = async (stream: Stream) => {
    const answer =
      stream.direction === "both" ? stream : await session.openStream({ direction: "send" });
    for await (const chunk of stream) await answer.write(chunk);
    await answer.end();
  };
  const datagrams = (async () => {
    for await (const datagram of session.datagrams()) session.sendDatagram(datagram);
  })();
  for await (const stream of session.streams()) void back(stream).catch(() => undefined);
  await datagrams;
}

/** Codes that the page gives its streams. A reset overtakes the head of a stream that the other side has not heard of. */
async function codes(session: WebTransportSession): Promise<readonly (number | undefined)[]> {
  for await (const reset of session.streams()) {
    const stopped = await session.openStream({ direction: "send" });
    await stopped.write(Buffer.from("x"));
    const broken = await session.openStream();
    await broken.write(Buffer.from("x"));
    const ends = Promise.all([reset.closed, stopped.closed]);
    const resetting = (async () => {
      for await (const _ of broken) broken.reset(1_234);
    })();
    await resetting.catch(() => undefined);
    return (await ends).map(({ code }) => code);
  }
  return [];
}

// Not currentspace, whose connections Chromium ends with the transport's PROTOCOL_VIOLATION (RFC 9000, section 20.1).
test("Chromium opens sessions of WebTransport, and what either side says arrives", {
  timeout,
}, async (context) => {
  const executablePath = requireSoftware("chromium", context);
  const engine = await needEngine(context, "matrix");
  const reported = Promise.withResolvers<Record<string, unknown>>();
  const served: Promise<readonly [path: string, heard: unknown]>[] = [];
  let carriesCodes = false;
  const serve = async (session: WebTransportSession, path: string) => {
    carriesCodes = session.capabilities.has("reset-code");
    if (path === "/wt/close") await session.close({ code: 99, reason: "göod bye" });
    if (path === "/wt/codes") return [path, await codes(session)] as const;
    if (path === "/wt/open") {
      const stream = await session.openStream();
      await stream.end(Buffer.from("from the server"));
      const heard: Uint8Array[] = [];
      for await (const chunk of stream) heard.push(chunk);
      return [path, Buffer.concat(heard).toString()] as const;
    }
    if (path === "/wt/drain") session.drain();
    await echo(session);
    const { by, clean, code, reason } = await session.closed;
    return [path, [by, clean, code, reason]] as const;
  };
  await using place = await interopListener({
    isSecure: true,
    quic: { engine: webTransportEngine(engine) },
    before: async (exchange) => {
      const { path } = exchange;
      if (path === "/") exchange.respond(200, { "content-type": "text/html" }, page);
      else if (path === "/report") {
        reported.resolve(JSON.parse(Buffer.from(await exchange.bytes()).toString()));
        exchange.respond(204);
      } else if (path === "/wt/none") exchange.respond(404);
      else if (path.startsWith("/wt/")) {
        const session = await acceptWebTransport(exchange);
        if (session !== undefined) served.push(serve(session, path));
      } else return false;
      return true;
    },
  });
  await using profile = await temporaryFolder("king-interop-browser");
  const browser = await chromium.launchPersistentContext(profile.path, {
    executablePath,
    headless: true,
    args: [...quicChromiumArguments(place.port, place.certificates.leaf.cert)],
  });
  try {
    const tab = await browser.newPage();
    tab.on("pageerror", reported.reject);
    await tab.goto(`https://localhost:${place.port}/`);
    expect(await reported.promise).toEqual({
      both: "hello",
      large: true,
      oneWay: "one way",
      datagram: "datagram",
      datagramRoom: true,
      greeting: "from the server",
      // What it is told instead of a code that the engine cannot carry means none.
      reset: ["WebTransportError", "stream", carriesCodes ? 1_234 : 0],
      own: { closeCode: 4_242, reason: "that is all" },
      closed: { closeCode: 99, reason: "göod bye" },
      after: "after",
      refused: "WebTransportError",
    });
    expect(Object.fromEntries(await withDeadline(Promise.all(served), "all ends"))).toEqual({
      "/wt/echo": ["peer", true, 4_242, "that is all"],
      "/wt/open": "hi",
      "/wt/codes": [77, 200],
      "/wt/close": ["local", true, 99, "göod bye"],
      "/wt/drain": ["peer", true, 0, undefined],
    });
  } finally {
    await browser.close();
  }
});
