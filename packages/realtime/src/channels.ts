import { realtimeErrors } from "./errors.ts";

/** Who is in which channel. Both ways, so that an end costs what its connection was in. */
export class Channels<Member extends object> {
  readonly #members = new Map<string, Set<Member>>();
  readonly #joined = new Map<Member, Set<string>>();
  readonly #maxPerMember: number;
  readonly #maxNameBytes: number;

  constructor(options: { maxChannelsPerConnection: number; maxChannelNameBytes: number }) {
    this.#maxPerMember = options.maxChannelsPerConnection;
    this.#maxNameBytes = options.maxChannelNameBytes;
  }

  /** Channels with a member. */
  get size(): number {
    return this.#members.size;
  }

  /** @throws {KingError} KING_REALTIME_CHANNEL_INVALID */
  checkName(channel: string): void {
    let fault: string | undefined;
    if (typeof channel !== "string") fault = `a string, got ${typeof channel}`;
    else if (channel === "") fault = "at least one character, got none";
    else if (channel.length > this.#maxNameBytes || Buffer.byteLength(channel) > this.#maxNameBytes)
      fault = `at most ${this.#maxNameBytes} bytes, got ${Buffer.byteLength(channel)}`;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    else if (/[\u0000-\u001f\u007f]/.test(channel) || !channel.isWellFormed())
      fault = "no control characters or lone surrogates";
    if (fault !== undefined)
      throw realtimeErrors.create(
        "KING_REALTIME_CHANNEL_INVALID",
        `channel: expected ${fault}`,
        {},
      );
  }

  /**
   * Whether it was not in the channel before.
   *
   * @throws {KingError} KING_REALTIME_CHANNEL_INVALID, KING_REALTIME_CHANNEL_LIMIT
   */
  join(member: Member, channel: string): boolean {
    this.checkName(channel);
    const joined = this.#joined.get(member) ?? new Set();
    if (joined.has(channel)) return false;
    if (joined.size >= this.#maxPerMember) {
      throw realtimeErrors.create(
        "KING_REALTIME_CHANNEL_LIMIT",
        `expected at most ${this.#maxPerMember} channels of a connection`,
        { limit: this.#maxPerMember },
      );
    }
    joined.add(channel);
    this.#joined.set(member, joined);
    const members = this.#members.get(channel);
    if (members) members.add(member);
    else this.#members.set(channel, new Set([member]));
    return true;
  }

  /** Whether it was in the channel. */
  leave(member: Member, channel: string): boolean {
    if (!this.#joined.get(member)?.delete(channel)) return false;
    const members = this.#members.get(channel);
    members?.delete(member);
    if (members?.size === 0) this.#members.delete(channel);
    return true;
  }

  leaveAll(member: Member): void {
    for (const channel of this.#joined.get(member) ?? []) this.leave(member, channel);
    this.#joined.delete(member);
  }

  /** Members that leave while this is walked are not met any more. */
  members(channel: string): Iterable<Member> & { readonly size: number } {
    return this.#members.get(channel) ?? nobody;
  }

  channelsOf(member: Member): Iterable<string> & { readonly size: number } {
    return this.#joined.get(member) ?? nobody;
  }
}

const nobody: ReadonlySet<never> = new Set();
