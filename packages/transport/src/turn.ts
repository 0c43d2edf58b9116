/** Resolves after a turn of the event loop, in which others have theirs. */
export const turn = () => new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
