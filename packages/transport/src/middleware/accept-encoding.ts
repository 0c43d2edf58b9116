// RFC 9110, sections 5.6.2 and 12.4.2.
const element = /^([!#$%&'*+\-.^_`|~\da-z]+)(?:[\t ]*;[\t ]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;

/**
 * The coding to answer with (RFC 9110, section 12.5.3): of `offered`, best first, the one that
 * `Accept-Encoding` weighs highest, or `identity`, when it weighs more than all of them.
 *
 * @returns whether `identity` is refused, beside. What is not well formed is passed over.
 */
export function negotiateCoding<Coding extends string>(
  acceptEncoding: string | null,
  offered: readonly Coding[],
): { readonly coding: Coding | "identity"; readonly identityRefused: boolean } {
  // Without the field any coding would do; but who does not name one may not know any.
  if (acceptEncoding === null) return { coding: "identity", identityRefused: false };
  const weights = new Map<string, number>();
  for (const text of acceptEncoding.split(",")) {
    const match = element.exec(text.trim().toLowerCase());
    if (match === null) continue;
    const [, name, weight = "1"] = match as unknown as [string, string, string | undefined];
    weights.set(name === "x-gzip" ? "gzip" : name, Number(weight));
  }
  const others = weights.get("*");
  let coding: Coding | "identity" = "identity";
  let best = 0;
  for (const each of offered) {
    const weight = weights.get(each) ?? others ?? 0;
    if (weight <= best) continue;
    best = weight;
    coding = each;
  }
  const identity = weights.get("identity") ?? (others === 0 ? 0 : undefined);
  if (identity !== undefined && identity > best) coding = "identity";
  return { coding, identityRefused: identity === 0 };
}
