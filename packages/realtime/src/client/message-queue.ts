import type { Message } from "../message.ts";

/** As much as lies here for a reader before what follows is held back. */
const readAheadBytes = 65_536;
/** What the engine keeps for each message beside its bytes, in round figures. */
const bytesPerMessage = 128;

type Taken = IteratorResult<Message, undefined>;

/** Messages for whoever iterates, a bounded amount of them ahead of the reader. */
export class MessageQueue implements AsyncIterator<Message, undefined> {
  #held: Message[] = [];
  #heldBytes = 0;
  #room: PromiseWithResolvers<void> | undefined;
  readonly #readers: PromiseWithResolvers<Taken>[] = [];
  #end: { readonly error: Error | undefined } | undefined;

  /** Hands a message over; a promise is that of there being room for another. */
  push(message: Message): undefined | Promise<void> {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: message });
      return undefined;
    }
    this.#held.push(message);
    this.#heldBytes += costOf(message);
    if (this.#heldBytes < readAheadBytes) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** No message follows; `error` where that is not as it should be. */
  end(error: Error | undefined): void {
    this.#end = { error };
    for (const reader of this.#readers.splice(0)) this.#tellEnd(reader);
  }

  next(): Promise<Taken> {
    const reader = Promise.withResolvers<Taken>();
    const message = this.#held.shift();
    if (message !== undefined) {
      this.#heldBytes -= costOf(message);
      reader.resolve({ done: false, value: message });
      if (this.#heldBytes < readAheadBytes) {
        this.#room?.resolve();
        this.#room = undefined;
      }
    } else if (this.#end !== undefined) this.#tellEnd(reader);
    else this.#readers.push(reader);
    return reader.promise;
  }

  #tellEnd(reader: PromiseWithResolvers<Taken>): void {
    if (this.#end?.error === undefined) reader.resolve({ done: true, value: undefined });
    else reader.reject(this.#end.error);
  }
}

const costOf = (message: Message): number => message.length + bytesPerMessage;
