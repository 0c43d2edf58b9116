import { expect, test } from "vitest";
import { Inbox } from "../src/inbox.ts";
import type { Message } from "../src/message.ts";

/** An inbox on a socket that notes when it is held back, with handlers that the test ends. */
function open() {
  const log: string[] = [];
  const works: PromiseWithResolvers<void>[] = [];
  const errors: unknown[] = [];
  const inbox = new Inbox(
    { pause: () => log.push("pause"), resume: () => log.push("resume") },
    (message: Message) => {
      log.push(`${message}`);
      if (message === "quick") return undefined;
      if (message === "throws") throw new Error("thrown");
      const work = Promise.withResolvers<void>();
      works.push(work);
      return work.promise;
    },
    (error) => errors.push(error),
  );
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { inbox, log, works, errors, settled };
}

test("a handler that answers at once never holds the socket back", () => {
  const { inbox, log } = open();
  inbox.push("quick");
  inbox.push("quick");
  expect(log).toEqual(["quick", "quick"]);
});

test("what comes first holds back everything until it has settled", async () => {
  const { inbox, log, errors, settled } = open();
  const greeting = Promise.withResolvers<void>();
  inbox.begin(
    () => greeting.promise,
    () => log.push("joined"),
  );
  inbox.push("quick");
  expect(log).toEqual(["pause"]);
  greeting.resolve();
  await settled();
  expect(log).toEqual(["pause", "joined", "quick", "resume"]);
  expect(errors).toEqual([]);
});

test("a failure after what comes first is a failure as well", async () => {
  const { inbox, errors, settled } = open();
  const fault = new Error("no room");
  inbox.begin(
    () => Promise.resolve(),
    () => {
      throw fault;
    },
  );
  await settled();
  expect(errors).toEqual([fault]);
});

test("the socket is held back while a handler works, and what came with it waits its turn", async () => {
  const { inbox, log, works, settled } = open();
  for (const message of ["a", "b", "quick"]) inbox.push(message);
  expect(log).toEqual(["a", "pause"]);
  works[0]?.resolve();
  await settled();
  expect(log).toEqual(["a", "pause", "b", "pause"]);
  works[1]?.resolve();
  await settled();
  expect(log).toEqual(["a", "pause", "b", "pause", "quick", "resume"]);
});

test("nothing is handed over after a failure, and the socket is read again", async () => {
  const { inbox, log, works, errors, settled } = open();
  for (const message of ["a", "b"]) inbox.push(message);
  works[0]?.reject(new Error("rejected"));
  await settled();
  expect(log).toEqual(["a", "pause", "resume"]);
  expect(errors).toMatchObject([{ message: "rejected" }]);
  const second = open();
  second.inbox.push("throws");
  expect(second.errors).toMatchObject([{ message: "thrown" }]);
});

test("nothing is handed over after the end", async () => {
  const { inbox, log, works, settled } = open();
  for (const message of ["a", "b"]) inbox.push(message);
  inbox.end();
  works[0]?.resolve();
  await settled();
  expect(log).toEqual(["a", "pause"]);
});
