import { expect, test } from "vitest";
import { Channels } from "../src/channels.ts";

const open = () => new Channels<object>({ maxChannelsPerConnection: 2, maxChannelNameBytes: 8 });

test("joining twice is joining once, and leaving twice is leaving once", () => {
  const channels = open();
  const member = {};
  expect([channels.join(member, "a"), channels.join(member, "a")]).toEqual([true, false]);
  expect([...channels.members("a")]).toEqual([member]);
  expect([channels.leave(member, "a"), channels.leave(member, "a")]).toEqual([true, false]);
  expect(channels.members("a").size).toBe(0);
});

test("a channel without members is gone", () => {
  const channels = open();
  const [one, two] = [{}, {}];
  channels.join(one, "a");
  channels.join(two, "a");
  channels.join(two, "b");
  channels.leaveAll(two);
  expect(channels.size).toBe(1);
  expect([...channels.channelsOf(two)]).toEqual([]);
  channels.leave(one, "a");
  expect(channels.size).toBe(0);
});

test("refuses more channels than allowed, and takes another once one is left", () => {
  const channels = open();
  const member = {};
  channels.join(member, "a");
  channels.join(member, "b");
  expect(() => channels.join(member, "c")).toThrow(
    expect.objectContaining({ code: "KING_REALTIME_CHANNEL_LIMIT", details: { limit: 2 } }),
  );
  expect(channels.members("c").size).toBe(0);
  channels.leave(member, "a");
  expect(channels.join(member, "c")).toBe(true);
});

test.each([[""], ["123456789"], ["ééééé"], ["a\u0000b"], ["a\nb"], ["\ud800"], [7]])(
  "refuses the name %j",
  (name) => {
    expect(() => open().join({}, name as string)).toThrow(
      expect.objectContaining({ code: "KING_REALTIME_CHANNEL_INVALID" }),
    );
  },
);
