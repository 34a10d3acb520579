/** How the way between a client and the other side fails. */
export type FaultKind =
  | "drop-before" //      the connection breaks before the request arrives
  | "drop-during" //      the connection breaks in the middle of the body
  | "lose-answer" //      the request takes effect, and the connection breaks before the answer
  | "truncate" //         the connection breaks in the middle of the answer
  | "stall" //            nothing moves any more, in the middle of the body
  | "stall-answer" //     the request takes effect, and its answer never comes
  | "error-500" //        S3's own error, or a page of HTML in place of the service
  | "error-502" //        a proxy's page of HTML; the request goes no further
  | "error-after" //      the request takes effect, and the answer is a 500
  | "busy-503" //         503 with Retry-After
  | "expire" //           S3 refuses the signed URL, from now on
  | "slow" //             the body takes a second longer
  | "switch-network"; //  every connection breaks at once, and nothing connects for a while

/** What a plan knows of a request. */
export interface RequestFacts {
  side: "service" | "store";
  method: string;
  /** The same for each repetition of a request, in every run. */
  label: string;
  /** Counts the repetitions, from 1. */
  attempt: number;
}

export interface Fault {
  kind: FaultKind;
  /** The share of the body or the answer that passes. */
  share: number;
}

export interface PlanOptions {
  seed: number;
  /** The share of requests that fail, 0 to 1. */
  rate: number;
  kinds?: FaultKind[];
  /** The attempts of each request that may fail: 1 lets only the first one fail. Default: all. */
  attempts?: number;
}

/** Kinds in proportion to how often they are drawn. */
const WEIGHTS: Record<FaultKind, number> = {
  "drop-before": 3,
  "drop-during": 8,
  "lose-answer": 5,
  truncate: 3,
  stall: 1,
  "stall-answer": 1,
  "error-500": 2,
  "error-502": 2,
  "error-after": 2,
  "busy-503": 2,
  expire: 4,
  slow: 2,
  "switch-network": 1,
};
export const FAULT_KINDS = Object.keys(WEIGHTS) as FaultKind[];

/**
 * Return the fault of a request, or undefined.
 *
 * It depends on the seed, the label and the attempt alone, so a run is repeated whatever the order of its requests is.
 */
export function chooseFault(
  { attempts = Infinity, kinds = FAULT_KINDS, rate, seed }: PlanOptions,
  request: RequestFacts,
): Fault | undefined {
  if (request.attempt > attempts) return undefined;
  const random = createRandom(seed, `${request.label}#${request.attempt}`);
  if (random() >= (request.method === "OPTIONS" && rate < 1 ? rate / 4 : rate)) return undefined;
  const possible = kinds.filter((kind) => canHappen(kind, request));
  let left = random() * possible.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
  const kind = possible.find((candidate) => (left -= WEIGHTS[candidate]) < 0);
  return kind && { kind, share: random() };
}

function canHappen(kind: FaultKind, { method, side }: RequestFacts): boolean {
  if (method === "OPTIONS") return kind === "drop-before";
  if (kind === "expire") return side === "store" && method === "PUT";
  return method === "PUT" || !["drop-during", "slow"].includes(kind);
}

/** Return a generator of numbers from 0 to 1, the same for the same seed and name (FNV-1a, then mulberry32). */
export function createRandom(seed: number, name: string): () => number {
  let state = 0x811c9dc5 ^ seed;
  for (let index = 0; index < name.length; index += 1) state = Math.imul(state ^ name.charCodeAt(index), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
