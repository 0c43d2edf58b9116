import { systemRandom } from "@king-runtime/core";
import { watchResources } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { createHttpClient } from "../../src/index.ts";
import { countingServer } from "./counting-server.ts";

const lastOfAll = { ...systemRandom, next: () => 0.999 };

describe("a request between two attempts", () => {
  const busy = () =>
    countingServer((_, response, count) => {
      response.writeHead(count === 1 ? 503 : 200).end("ok");
    });

  test("is finished by a client that closes", async () => {
    const watch = watchResources();
    {
      await using server = await busy();
      const retry = { baseDelayMs: 200 };
      const client = createHttpClient({ retry, random: lastOfAll });
      const asked = client.request(server.url);
      await expect.poll(() => server.requests.length).toBe(1);
      await expect.poll(() => client.stats().sessionsIdle).toBe(1);
      const closing = client.close();
      expect(client.state).toBe("draining");
      expect(await (await asked).text()).toBe("ok");
      await closing;
      expect(client.stats()).toMatchObject({ sessionsActive: 0, requestsSent: 2 });
      expect(await client.closed).toEqual({ by: "local", clean: true });
    }
    await watch.settled();
  });

  test("ends at once with a client that is aborted, and is not sent again", async () => {
    const watch = watchResources();
    {
      await using server = await busy();
      const retry = { baseDelayMs: 60_000, maxDelayMs: 60_000 };
      const client = createHttpClient({ retry, random: lastOfAll });
      const asked = client.request(server.url);
      await expect.poll(() => client.stats().retries).toBe(1);
      const reason = new Error("enough");
      client.abort(reason);
      await expect(asked).rejects.toBe(reason);
      expect(await client.closed).toMatchObject({ clean: false, error: reason });
      expect(server.requests.length).toBe(1);
      expect(client.stats().sessionsActive).toBe(0);
    }
    await watch.settled();
  });
});

test.each(["127.0.0.1", "localhost"])(
  "a redirect to %s is followed by a client that closes meanwhile",
  async (host) => {
    const watch = watchResources();
    {
      let answer = () => undefined as unknown;
      await using server = await countingServer((incoming, response) => {
        if (incoming.url === "/to") return void response.end("there");
        const location = `http://${host}:${new URL(server.url).port}/to`;
        answer = () => response.writeHead(302, { location }).end();
      });
      const client = createHttpClient({ redirects: 1 });
      const asked = client.request(server.url);
      await expect.poll(() => server.requests.length).toBe(1);
      const closing = client.close();
      answer();
      expect(await (await asked).text()).toBe("there");
      await closing;
      expect(client.stats().sessionsActive).toBe(0);
    }
    await watch.settled();
  },
);
