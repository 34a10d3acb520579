/** Seconds after which an earlier speed counts a third as much. */
const MEMORY_SECONDS = 5;
/** A speed that was measured for a shorter time says too little. */
const SHORTEST_SECONDS = 1.5;
const MILLISECONDS = 1000;

/** A smoothed speed: bytes and seconds that fade alike, so that the first values count as much as later ones. */
export class RateMeter {
  private lastBytes = 0;
  private lastTime: number | undefined;
  private fadedBytes = 0;
  private fadedSeconds = 0;

  /** Note the bytes that have been sent in all at a time in milliseconds. Bytes that were lost do not count as negative. */
  note(bytes: number, now: number): void {
    if (this.lastTime !== undefined) {
      const seconds = Math.max(0, now - this.lastTime) / MILLISECONDS;
      const fading = Math.exp(-seconds / MEMORY_SECONDS);
      this.fadedBytes = this.fadedBytes * fading + Math.max(0, bytes - this.lastBytes);
      this.fadedSeconds = this.fadedSeconds * fading + seconds;
    }
    this.lastBytes = bytes;
    this.lastTime = now;
  }

  /** Forget the speed, for example after a pause. */
  reset(): void {
    this.lastTime = undefined;
    this.fadedBytes = 0;
    this.fadedSeconds = 0;
  }

  /** Bytes a second; undefined until it has been measured long enough. */
  get rate(): number | undefined {
    return this.fadedSeconds < SHORTEST_SECONDS ? undefined : this.fadedBytes / this.fadedSeconds;
  }
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Return the seconds until so many bytes are sent, as exact as people can use them; undefined if that is unknown. */
export function secondsLeft(bytes: number, rate: number | undefined): number | undefined {
  if (bytes <= 0) return 0;
  if (rate === undefined || rate < 1) return undefined;
  const seconds = bytes / rate;
  const step = seconds < 10 ? 1 : seconds < MINUTE ? 5 : seconds < HOUR ? MINUTE : 10 * MINUTE;
  return Math.ceil(seconds / step) * step;
}
