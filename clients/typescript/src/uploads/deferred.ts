/** A promise that is settled from outside. An app that listens to states need not handle its rejection. */
export class Deferred<T> {
  promise!: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;

  constructor() {
    this.renew();
  }

  /** Forget how the old promise ended. */
  renew(): void {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => undefined);
  }
}
