/** The middle value; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("median: expected at least one value");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? at(sorted, middle)
    : (at(sorted, middle - 1) + at(sorted, middle)) / 2;
}

/** Fewest paired rounds from which a ratio is claimed. */
export const fewestRounds = 8;

/**
 * How far from 1 the median ratio of two equal things may lie in this run: the far end of the
 * distribution-free interval that holds the median of `controlRatios` in 93 % of runs or more
 * (order statistics; of eight rounds, the second and the seventh). `Infinity` below
 * {@link fewestRounds}: then nothing is claimed.
 */
export function controlSpread(controlRatios: readonly number[]): number {
  const count = controlRatios.length;
  if (count < fewestRounds) return Infinity;
  const sorted = controlRatios.toSorted((a, b) => a - b);
  const rank = medianIntervalRank(count);
  return Math.max(Math.abs(at(sorted, rank) - 1), Math.abs(at(sorted, count - 1 - rank) - 1));
}

/** Largest rank (from 0) of which the symmetric order statistics hold the median in >= 92.5 %. */
export function medianIntervalRank(count: number): number {
  // P(median below the r-th smallest) is the binomial tail of a fair coin.
  let tail = 0;
  let term = 0.5 ** count;
  for (let rank = 0; ; rank++) {
    tail += term;
    if (1 - 2 * tail < 0.925) return Math.max(0, rank - 1);
    term *= (count - rank) / (rank + 1);
  }
}

/** A ratio as it may be claimed: 1 when it lies nearer to 1 than equal things do in this run. */
export function claimedRatio(ratio: number, spread: number): number {
  return Math.abs(ratio - 1) <= spread ? 1 : ratio;
}

/** Whether a ratio meets a goal such as `"<= 0.90"`. @throws RangeError when it is not of that form */
export function meetsGoal(ratio: number, goal: string): boolean {
  const match = /^(<=|<) (\d+(?:\.\d+)?)$/.exec(goal);
  if (!match) throw new RangeError(`goal: expected "<= 0.90" or "< 0.90", got "${goal}"`);
  const limit = Number(match[2]);
  return match[1] === "<" ? ratio < limit : ratio <= limit;
}

/** Values of one round: what each process used per operation. */
export interface Round {
  readonly ours: number;
  readonly peer: number;
  /** The peer in a second process. */
  readonly control: number;
}

/** What the rounds of one row come to. */
export interface RowResult {
  readonly ours: number;
  readonly peer: number;
  readonly control: number;
  /** Median of ours / peer, round by round. */
  readonly ratio: number;
  /** Median of control / peer, round by round. */
  readonly controlRatio: number;
  /** No ratio nearer to 1 than this is claimed. */
  readonly spread: number;
  /** Whether ours and the peer cannot be told apart in this run. */
  readonly tie: boolean;
  /** Absent without a goal, and when there were too few rounds for a claim. */
  readonly holds?: boolean;
}

/**
 * Medians of all rounds, and whether the goal holds. A goal is held against the ratio as it was
 * measured: that a run is too noisy to tell the two apart is no way to meet one.
 */
export function summarize(rounds: readonly Round[], goal?: string): RowResult {
  const ratio = median(rounds.map(({ ours, peer }) => ours / peer));
  const controlRatios = rounds.map(({ control, peer }) => control / peer);
  const spread = controlSpread(controlRatios);
  return {
    ours: median(rounds.map(({ ours }) => ours)),
    peer: median(rounds.map(({ peer }) => peer)),
    control: median(rounds.map(({ control }) => control)),
    ratio,
    controlRatio: median(controlRatios),
    spread,
    tie: claimedRatio(ratio, spread) === 1,
    ...(goal !== undefined && Number.isFinite(spread) && { holds: meetsGoal(ratio, goal) }),
  };
}

function at(values: readonly number[], index: number): number {
  return values[index] as number;
}
