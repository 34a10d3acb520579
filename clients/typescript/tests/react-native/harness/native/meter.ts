/** Counts the memory that the native side and the bridge hold, with the highest value of each kind. */

/**
 * `blob`: bytes that BlobModule keeps until they are released.
 * `body`: bytes of a request that native code holds at once: decoded base64, a copied slice, a file read whole.
 * `base64`: characters of base64 that JavaScript handed over or got, until native code has let go of them.
 * `native`: blobs and bodies together.
 */
export type Kind = "blob" | "body" | "base64" | "native";

export class Meter {
  readonly current: Record<Kind, number> = { blob: 0, body: 0, base64: 0, native: 0 };
  readonly peak: Record<Kind, number> = { blob: 0, body: 0, base64: 0, native: 0 };

  /** Count `amount` as held, and return the function that releases it once. */
  hold(kind: Exclude<Kind, "native">, amount: number): () => void {
    let held = amount;
    this.#add(kind, amount);
    return () => {
      this.#add(kind, -held);
      held = 0;
    };
  }

  /** Forget the peaks, not what is held now. */
  reset(): void {
    Object.assign(this.peak, this.current);
  }

  #add(kind: Exclude<Kind, "native">, amount: number): void {
    const kinds: Kind[] = kind === "base64" ? ["base64"] : [kind, "native"];
    for (const each of kinds) {
      this.current[each] += amount;
      this.peak[each] = Math.max(this.peak[each], this.current[each]);
    }
  }
}
