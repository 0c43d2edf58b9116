const identities = new WeakMap<Request, unknown>();

/**
 * Who sent `request`: what `verify` of the authentication around this handler gave; `undefined` where
 * there is none. Asked with the very `Request` that the handler was called with.
 */
export function identityOf<Identity = unknown>(request: Request): Identity | undefined {
  return identities.get(request) as Identity | undefined;
}

/** Notes who sent `request`. */
export function setIdentity(request: Request, identity: unknown): void {
  identities.set(request, identity);
}

/** Notes the same for a request that takes the place of another. */
export function carryIdentity(from: Request, to: Request): void {
  if (identities.has(from)) identities.set(to, identities.get(from));
}
