type SegmentParams<Segment extends string> = Segment extends `:${infer Name}`
  ? { readonly [Key in Name]: string }
  : Segment extends `*${infer Name}`
    ? Name extends ""
      ? unknown
      : { readonly [Key in Name]: readonly string[] }
    : unknown;

type PatternParams<Pattern extends string> = Pattern extends `${infer Head}/${infer Tail}`
  ? SegmentParams<Head> & PatternParams<Tail>
  : SegmentParams<Pattern>;

type Flat<Params> = { readonly [Name in keyof Params]: Params[Name] };

/**
 * What the path of a route gives its handler, by its literal definition: `:name` one decoded segment,
 * `*name` the decoded segments of the rest. `RouteParams<"GET /users/:id">` is `{ readonly id: string }`.
 */
export type RouteParams<Definition extends string> = string extends Definition
  ? Readonly<Record<string, string | readonly string[]>>
  : Definition extends `${string} /${infer Pattern}`
    ? Flat<PatternParams<Pattern>>
    : never;
