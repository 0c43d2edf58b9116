import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { InformationalResponse } from "@king-runtime/core";
import { describe, expect, test, vi } from "vitest";
import { carriers, onCarrier, type Serve } from "./carriers.ts";

/** Sends an interim response as raw as the protocol lets. */
function inform(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  status: number,
  fields: Record<string, string> = {},
): void {
  const { stream } = incoming as { stream?: ServerHttp2Stream };
  if (stream !== undefined) stream.additionalHeaders({ ":status": status, ...fields });
  else {
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    outgoing.socket?.write(`HTTP/1.1 ${status} Interim\r\n${lines.join("")}\r\n`);
  }
}

const told = ({ status, headers }: InformationalResponse) => [status, headers.get("link")];

describe.each(carriers)("$name", (carrier) => {
  test("tells interim responses as they come, and all of them with the response", async () => {
    let goOn: () => void = () => undefined;
    const serve: Serve = (incoming, outgoing) => {
      inform(incoming, outgoing, 103, { link: "</a>" });
      goOn = () => {
        inform(incoming, outgoing, 102);
        inform(incoming, outgoing, 103, { link: "</b>" });
        outgoing.end("done");
      };
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const came: unknown[] = [];
      const answered = ask("/", { onInformational: (response) => came.push(told(response)) });
      await expect.poll(() => came).toEqual([[103, "</a>"]]);
      goOn();
      const response = await answered;
      const all = [
        [103, "</a>"],
        [102, undefined],
        [103, "</b>"],
      ];
      expect(came).toEqual(all);
      expect(response.informational.map(told)).toEqual(all);
      expect([response.status, await response.text()]).toEqual([200, "done"]);
    });
  });

  test("tells them without anybody listening, and none where there are none", async () => {
    const serve: Serve = (incoming, outgoing) => {
      if (incoming.url === "/103") inform(incoming, outgoing, 103, { link: "</a>" });
      outgoing.end("done");
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const response = await ask("/103");
      expect(response.informational.map(told)).toEqual([[103, "</a>"]]);
      await response.text();
      const other = await ask("/");
      expect(other.informational).toEqual([]);
      await other.text();
    });
  });

  test("fails with what the listener throws, and the exchange is over for the server too", async () => {
    const closed = vi.fn();
    const serve: Serve = (incoming, outgoing) => {
      if (incoming.url === "/next") return void outgoing.end("next");
      outgoing.once("close", closed);
      inform(incoming, outgoing, 103, { link: "</a>" });
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const failure = new Error("not that one");
      const onInformational = () => {
        throw failure;
      };
      await expect(ask("/", { onInformational })).rejects.toBe(failure);
      await expect.poll(() => closed).toHaveBeenCalled();
      expect(await (await ask("/next")).text()).toBe("next");
    });
  });

  test("lists no 100 (Continue)", async () => {
    const serve: Serve = (incoming, outgoing) => {
      incoming.resume();
      incoming.once("end", () => outgoing.end("done"));
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const came: number[] = [];
      const response = await ask("/", {
        method: "POST",
        body: "a body",
        expectContinue: true,
        onInformational: ({ status }) => came.push(status),
      });
      expect([came, response.informational, await response.text()]).toEqual([[], [], "done"]);
    });
  });
});
