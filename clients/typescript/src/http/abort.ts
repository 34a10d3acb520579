/** An abort of its own, which also follows another one. React Native has no `AbortSignal.any`. */
export interface LinkedAbort {
  signal: AbortSignal;
  abort(): void;
  /** Stop following. */
  unlink(): void;
}

export function linkAbort(signal: AbortSignal | undefined): LinkedAbort {
  const inner = new AbortController();
  const abort = () => inner.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  return { signal: inner.signal, abort, unlink: () => signal?.removeEventListener("abort", abort) };
}
